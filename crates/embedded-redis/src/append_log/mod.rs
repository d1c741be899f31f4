//! The append file: every change, in order, durable before its answer.
//!
//! ```text
//! theater store, append file 1\r\n          first line
//! #0000004b 1f2e3d4c\r\n                    frame: length and checksum of the payload, in hex
//! *3\r\n$3\r\nSET\r\n…                      payload: whole commands, as they were applied
//! #…
//! ```
//!
//! A frame is what one fsync covers, so at most the last frame of a file can be torn; a
//! transaction lies whole in one frame. Commands are logged so that they do the same on any day:
//! deadlines as points in time, stream ids as they became. The checksum covers the frame's place
//! in the file too, so that no value can pretend to be a frame.
//!
//! - `frame`: the bytes of a frame, pure
//! - `file`: the file: append, fsync, replace
//! - `load`: replay at start, cut of a torn tail
//! - `committer`: group commit, and the rewrite that keeps the file small

mod committer;
mod file;
mod frame;
mod load;

pub(crate) use committer::Committer;
pub(crate) use file::AppendFile;
pub(crate) use load::load;
