//! A Redis-compatible store for a machine without Redis.
//!
//! Speaks RESP2 and RESP3 to `redis-cli` and client libraries, for a closed list of commands. A
//! write that was answered is on the disk: it survives `kill -9` of the process.
//!
//! ```no_run
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! use embedded_redis::{Config, Server};
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let config = Config { append_file: Some("store.aof".into()), ..Config::default() };
//! let server = Server::build(listener, config).await?;
//! println!("redis-cli -p {}", server.local_addr().port());
//! server.run(std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Life of a write
//!
//! ```text
//! connection ── request ──> execute ── change ──> db
//!     ^                        └────── effects ──> pending ──> append_log: frame, fsync
//!     └──────── reply, once the fsync that covers its effects is done ───────┘
//! ```
//!
//! While an fsync runs, writers of all connections collect for the next one.
//!
//! # Layout
//!
//! - `wire`: RESP requests and replies, under limits
//! - `db`: the keyspace; time is an argument
//! - `cmd`: the commands, one file per family
//! - `execute`: one request against the keyspace; transactions; replay
//! - `append_log`: the file; group commit; rewrite; load
//! - `store`: what connections and the append file share
//! - `connection`, `server`: the sockets

mod append_log;
mod cmd;
mod config;
mod connection;
mod db;
mod error;
mod execute;
mod glob;
mod server;
mod session;
mod status;
mod store;
mod wire;

pub use config::Config;
pub use error::{RunError, StartError};
pub use server::Server;
