use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

use super::{Command, Keys, Outcome, Refusal, Run, Visit};
use crate::glob;
use crate::status::{SERVER_NAME, VERSION};
use crate::wire::{MAX_BULK_BYTES, Reply};

pub(super) const COMMANDS: &[Command] = &[
    Command::session("info", -1, info),
    Command::session("command", -1, command),
    Command::session("config", -2, config),
    Command::read("time", 1, Keys::None, |call| {
        let (seconds, micros) = (call.now.micros() / 1_000_000, call.now.micros() % 1_000_000);
        Ok(Reply::Array(vec![
            Reply::text(seconds.to_string()),
            Reply::text(micros.to_string()),
        ]))
    }),
];

/// A section of `INFO` and the lines it holds. Only what was counted or set is shown.
type Section = (&'static str, fn(&Visit<'_>) -> Vec<(&'static str, String)>);

const SECTIONS: &[Section] = &[
    ("Server", |call| {
        let uptime = call
            .now
            .micros()
            .saturating_sub(call.status.started.micros())
            / 1_000_000;
        vec![
            ("redis_version", format!("{SERVER_NAME}-{VERSION}")),
            ("redis_mode", "standalone".into()),
            ("process_id", std::process::id().to_string()),
            ("tcp_port", call.status.port.to_string()),
            ("uptime_in_seconds", uptime.to_string()),
        ]
    }),
    ("Clients", |call| {
        vec![
            (
                "connected_clients",
                call.status.connections.load(Relaxed).to_string(),
            ),
            ("maxclients", call.status.max_connections.to_string()),
        ]
    }),
    ("Persistence", |call| {
        let figures = &call.status.append_file;
        vec![
            ("aof_enabled", u8::from(call.status.persistent).to_string()),
            ("aof_current_size", figures.bytes.load(Relaxed).to_string()),
            ("aof_fsyncs", figures.fsyncs.load(Relaxed).to_string()),
            ("aof_rewrites", figures.rewrites.load(Relaxed).to_string()),
            (
                "aof_last_write_status",
                if figures.failed.load(Relaxed) {
                    "err"
                } else {
                    "ok"
                }
                .into(),
            ),
        ]
    }),
    ("Stats", |call| {
        vec![
            (
                "total_connections_received",
                call.status.accepted.load(Relaxed).to_string(),
            ),
            (
                "total_commands_processed",
                call.status.commands.load(Relaxed).to_string(),
            ),
        ]
    }),
    ("Keyspace", |call| {
        let (keys, volatile) = (call.db.len(), call.db.volatile_len());
        if keys == 0 {
            return vec![];
        }
        vec![("db0", format!("keys={keys},expires={volatile},avg_ttl=0"))]
    }),
];

fn info(call: &mut Visit<'_>) -> Outcome {
    let asked = |name: &str| {
        call.args.is_empty()
            || call.args.iter().any(|wanted| {
                [name, "all", "default", "everything"]
                    .iter()
                    .any(|name| wanted.eq_ignore_ascii_case(name.as_bytes()))
            })
    };
    let mut text = String::new();
    for (name, lines) in SECTIONS.iter().filter(|(name, _)| asked(name)) {
        let separator = if text.is_empty() { "" } else { "\r\n" };
        let _ = write!(text, "{separator}# {name}\r\n");
        for (field, value) in lines(call) {
            let _ = write!(text, "{field}:{value}\r\n");
        }
    }
    Ok(Reply::Text(text))
}

/// `CONFIG GET`: the settings that clients and trainees ask for, as they are in effect.
fn config(call: &mut Visit<'_>) -> Outcome {
    let (subcommand, patterns) = (&call.args[0], &call.args[1..]);
    if !subcommand.eq_ignore_ascii_case(b"get") {
        return Err(Refusal::unknown_subcommand("CONFIG", subcommand));
    }
    if patterns.is_empty() {
        return Err(Refusal::Arity("config|get".into()));
    }
    let asked = |name: &str| {
        patterns
            .iter()
            .any(|pattern| glob::matches(&pattern.to_ascii_lowercase(), name.as_bytes()))
    };
    let settings = settings(call).into_iter().filter(|(name, _)| asked(name));
    Ok(Reply::Map(
        settings
            .map(|(name, value)| (Reply::text(name), Reply::text(value)))
            .collect(),
    ))
}

fn settings(call: &Visit<'_>) -> Vec<(&'static str, String)> {
    vec![
        ("appendfsync", "always".into()),
        (
            "appendonly",
            if call.status.persistent { "yes" } else { "no" }.into(),
        ),
        ("databases", "1".into()),
        ("maxclients", call.status.max_connections.to_string()),
        ("maxmemory", "0".into()),
        ("maxmemory-policy", "noeviction".into()),
        ("port", call.status.port.to_string()),
        ("proto-max-bulk-len", MAX_BULK_BYTES.to_string()),
        ("save", String::new()),
        ("timeout", "0".into()),
    ]
}

/// Enough for redis-cli to start: names and shapes, no documentation.
fn command(call: &mut Visit<'_>) -> Outcome {
    let Some((subcommand, names)) = call.args.split_first() else {
        return Ok(Reply::Array(super::all().into_iter().map(shape).collect()));
    };
    match (subcommand.to_ascii_lowercase().as_slice(), names) {
        (b"count", []) => Ok(Reply::count(super::all().len())),
        (b"list", []) => Ok(Reply::Array(
            super::all()
                .iter()
                .map(|command| Reply::text(command.name))
                .collect(),
        )),
        (b"docs", _) => Ok(Reply::Map(vec![])),
        (b"info", []) => Ok(Reply::Array(super::all().into_iter().map(shape).collect())),
        (b"info", names) => Ok(Reply::Array(
            names.iter().map(|name| shape_of(name)).collect(),
        )),
        _ => Err(Refusal::unknown_subcommand("COMMAND", subcommand)),
    }
}

fn shape_of(name: &[u8]) -> Reply {
    let name = name.to_ascii_lowercase();
    let known = super::all()
        .into_iter()
        .find(|command| command.name.as_bytes() == name);
    known.map_or(Reply::Nil, shape)
}

/// Name, arity, flags, first key, last key, step.
fn shape(command: &Command) -> Reply {
    let flags = match command.run {
        Run::Read(_) => vec![Reply::Simple("readonly")],
        Run::Write(_) => vec![Reply::Simple("write")],
        Run::Session(_) | Run::Control(_) => vec![],
    };
    let (first, last, step) = match command.keys {
        Keys::None => (0, 0, 0),
        Keys::First => (1, 1, 1),
        Keys::FirstTwo => (1, 2, 1),
        Keys::All => (1, -1, 1),
        Keys::Alternate => (1, -1, 2),
    };
    Reply::Array(vec![
        Reply::text(command.name),
        Reply::Integer(command.arity.into()),
        Reply::Set(flags),
        Reply::Integer(first),
        Reply::Integer(last),
        Reply::Integer(step),
    ])
}
