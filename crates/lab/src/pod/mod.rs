//! Inside a pod's process: `theater-lab pod ROLE`, started by the lab and by nobody else.
//!
//! One binary is the whole laptop installation, so it can *be* any container
//! of the course. Standard input is the [`link`] to the lab: the lifeline, the
//! pod's DNS, and the way to tell the address it listens on.

mod holder;
pub mod link;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use common::applet;
use common::command::{self, Asked, Setting};
use common::env::Env;
use common::outbound::Resolve;
use common::program::{self, Seams};
use tokio::net::TcpListener;

use link::{FromPod, Link};

/// What a pod's process is.
#[derive(Clone, Debug, Subcommand)]
pub enum Role {
    /// The api-gateway image.
    ApiGateway(Arguments),
    /// The user-service image.
    UserService(Arguments),
    /// The movie-service image.
    MovieService(Arguments),
    /// The booking-service image.
    BookingService(Arguments),
    /// The redis image, by the embedded store.
    EmbeddedRedis {
        /// Port to prefer, so that redis-cli finds it again after a restart.
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// Folder of the data volume.
        #[arg(long)]
        dir: PathBuf,
    },
    /// The redis image, by a redis-server found on PATH.
    RedisServer {
        /// The program.
        #[arg(long)]
        program: PathBuf,
        /// Port to prefer.
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// Folder of the data volume.
        #[arg(long)]
        dir: PathBuf,
        /// Arguments of the container, before ours.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// A client that the images contain, or the curl image.
    Applet {
        /// Its name.
        name: String,
        /// Its arguments.
        #[arg(last = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

/// What follows the service's name on the container's command line.
#[derive(Clone, Debug, Default, Args)]
pub struct Arguments {
    #[arg(last = true, allow_hyphen_values = true)]
    line: Vec<String>,
}

/// Runs the role until the lab or the pod's own end says stop.
pub fn main(role: Role) -> ExitCode {
    let env = Env::of_process();
    let outcome = common::telemetry::init(&env)
        .map_err(anyhow::Error::from)
        .and_then(|()| program::runtime()?.block_on(run(role, env)));
    program::exit_code("pod", outcome)
}

async fn run(role: Role, env: Env) -> Result<()> {
    let link = Link::on_stdin().context("standard input is no link: only the lab starts pods")?;
    match role {
        Role::ApiGateway(line) => {
            service(api_gateway::NAME, line, api_gateway::run, env, link).await
        }
        Role::UserService(line) => {
            service(user_service::NAME, line, user_service::run, env, link).await
        }
        Role::MovieService(line) => {
            service(movie_service::NAME, line, movie_service::run, env, link).await
        }
        Role::BookingService(line) => {
            service(booking_service::NAME, line, booking_service::run, env, link).await
        }
        Role::EmbeddedRedis { port, dir } => embedded_redis(link, port, dir).await,
        Role::RedisServer {
            program,
            port,
            dir,
            arguments,
        } => holder::run(&link, &program, port, &dir, &arguments).await,
        Role::Applet { name, arguments } => {
            let code = applet::run_in_process(&name, &arguments, None, link).await;
            std::process::exit(code)
        }
    }
}

/// What the service's own binary would do with these arguments.
async fn service<F, Fut>(
    name: &'static str,
    arguments: Arguments,
    run: F,
    env: Env,
    link: Arc<Link>,
) -> Result<()>
where
    F: FnOnce(Env, Seams) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let said = match command::parse(name, arguments.line) {
        Ok(Asked::Serve) => return run(env, seams(link).await?).await,
        Ok(Asked::Task(task)) => {
            let mut setting = Setting::of_process(env);
            setting.resolve = link;
            task.run(setting).await
        }
        Err(said) => said,
    };
    said.print();
    std::process::exit(said.code.into())
}

async fn seams(link: Arc<Link>) -> Result<Seams> {
    let listener = listen(&link, 0).await?;
    let resolve: Arc<dyn Resolve> = link;
    Ok(Seams {
        resolve,
        listener: Some(listener),
    })
}

async fn embedded_redis(link: Arc<Link>, port: u16, dir: PathBuf) -> Result<()> {
    let config = embedded_redis::Config {
        append_file: Some(dir.join("appendonly.theater")),
        ..embedded_redis::Config::default()
    };
    let listener = bind(port).await?;
    let server = embedded_redis::Server::build(listener, config).await?;
    // Told only now: whoever connects finds the data loaded.
    link.say(&FromPod::Listening(server.local_addr()))?;
    Ok(server.run(common::drain::terminated()).await?)
}

async fn listen(link: &Link, port: u16) -> Result<TcpListener> {
    let listener = bind(port).await?;
    link.say(&FromPod::Listening(listener.local_addr()?))?;
    Ok(listener)
}

/// The preferred port where it is free, else any.
async fn bind(port: u16) -> std::io::Result<TcpListener> {
    match TcpListener::bind(("127.0.0.1", port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(("127.0.0.1", 0)).await,
    }
}
