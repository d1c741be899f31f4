use bytes::Bytes;

use super::options::{Options, integer};
use super::{Command, Keys, Outcome, Refusal, Visit};
use crate::status::{SERVER_NAME, VERSION};
use crate::wire::{Protocol, Reply, parse_integer};

pub(super) const COMMANDS: &[Command] = &[
    Command::session("ping", -1, ping),
    Command::read("echo", 2, Keys::None, |call| {
        Ok(Reply::Bulk(call.args[0].clone()))
    }),
    Command::session("hello", -1, hello),
    Command::session("auth", -2, auth),
    Command::session("client", -2, client),
    Command::session("select", 2, select),
];

/// The longest name of a connection or client library, in bytes.
const NAME_BYTES: usize = 256;

const WRONG_PASSWORD: Refusal =
    Refusal::other("WRONGPASS invalid username-password pair or user is disabled.");
const NO_PASSWORD_SET: Refusal = Refusal::other(
    "ERR AUTH <password> called without any password configured for the default user. \
     Are you sure your configuration is correct?",
);
const HELLO_NEEDS_AUTH: Refusal = Refusal::other(
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO \
     <proto> AUTH <user> <pass> option can be used to authenticate the client and select the \
     RESP protocol version at the same time",
);

fn ping(call: &mut Visit<'_>) -> Outcome {
    match call.args {
        [] => Ok(Reply::Simple("PONG")),
        [message] => Ok(Reply::Bulk(message.clone())),
        _ => Err(Refusal::Arity("ping".into())),
    }
}

fn hello(call: &mut Visit<'_>) -> Outcome {
    let mut options = Options::new(call.args);
    let protocol = match call.args {
        [] => call.session.protocol,
        _ => protocol(options.value()?)?,
    };
    let (mut credentials, mut name) = (None, None);
    while let Some(keyword) = options.keyword() {
        match (keyword.as_str(), options.rest()) {
            ("AUTH", [_, _, ..]) => credentials = Some((options.value()?, options.value()?)),
            ("SETNAME", [_, ..]) => name = Some(checked_name(options.value()?)?),
            (word, _) => {
                return Err(Refusal::Other(
                    format!("ERR Syntax error in HELLO option '{word}'").into(),
                ));
            }
        }
    }
    if let Some((user, password)) = credentials {
        log_in(call, Some(user), password)?;
    }
    if !call.session.authenticated {
        return Err(HELLO_NEEDS_AUTH);
    }
    call.session.protocol = protocol;
    if let Some(name) = name {
        call.session.name = name;
    }
    Ok(greeting(call))
}

fn protocol(text: &[u8]) -> Result<Protocol, Refusal> {
    match parse_integer(text) {
        Some(2) => Ok(Protocol::Resp2),
        Some(3) => Ok(Protocol::Resp3),
        Some(_) => Err(Refusal::other("NOPROTO unsupported protocol version")),
        None => Err(Refusal::other(
            "ERR Protocol version is not an integer or out of range",
        )),
    }
}

fn greeting(call: &Visit<'_>) -> Reply {
    let version = if call.session.protocol == Protocol::Resp3 {
        3
    } else {
        2
    };
    Reply::Map(vec![
        (Reply::text("server"), Reply::text(SERVER_NAME)),
        (Reply::text("version"), Reply::text(VERSION)),
        (Reply::text("proto"), Reply::Integer(version)),
        (Reply::text("id"), Reply::Integer(call.session.id as i64)),
        (Reply::text("mode"), Reply::text("standalone")),
        (Reply::text("role"), Reply::text("master")),
        (Reply::text("modules"), Reply::Array(vec![])),
    ])
}

fn auth(call: &mut Visit<'_>) -> Outcome {
    match call.args {
        [password] if call.status.password.is_some() => log_in(call, None, password)?,
        [_] => return Err(NO_PASSWORD_SET),
        [user, password] => log_in(call, Some(user), password)?,
        _ => return Err(Refusal::Syntax),
    }
    Ok(Reply::OK)
}

/// There is one user, `default`; without a password set, it may come in with any.
fn log_in(call: &mut Visit<'_>, user: Option<&Bytes>, password: &[u8]) -> Result<(), Refusal> {
    let known = user.is_none_or(|user| user.as_ref() == b"default");
    let right = call
        .status
        .password
        .as_ref()
        .is_none_or(|expected| expected.matches(password));
    if !(known && right) {
        return Err(WRONG_PASSWORD);
    }
    call.session.authenticated = true;
    Ok(())
}

fn select(call: &mut Visit<'_>) -> Outcome {
    match integer(&call.args[0])? {
        0 => Ok(Reply::OK),
        _ => Err(Refusal::other("ERR DB index is out of range")),
    }
}

fn client(call: &mut Visit<'_>) -> Outcome {
    let subcommand = call.args[0].to_ascii_lowercase();
    match (subcommand.as_slice(), &call.args[1..]) {
        (b"id", []) => Ok(Reply::Integer(call.session.id as i64)),
        (b"info", []) => Ok(Reply::Text(call.session.describe())),
        (b"getname", []) if call.session.name.is_empty() => Ok(Reply::Nil),
        (b"getname", []) => Ok(Reply::Bulk(call.session.name.clone())),
        (b"setname", [name]) => {
            call.session.name = checked_name(name)?;
            Ok(Reply::OK)
        }
        (b"setinfo", [attribute, value]) => set_info(call, attribute, value),
        // Nothing is ever evicted, with or without this.
        (b"no-evict", [word]) if is_switch(word) => Ok(Reply::OK),
        (b"no-evict", [_]) => Err(Refusal::Syntax),
        (b"id" | b"info" | b"getname" | b"setname" | b"setinfo" | b"no-evict", _) => {
            let name = String::from_utf8_lossy(&subcommand);
            Err(Refusal::Arity(format!("client|{name}").into()))
        }
        _ => Err(Refusal::unknown_subcommand("CLIENT", &call.args[0])),
    }
}

fn is_switch(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"on") || word.eq_ignore_ascii_case(b"off")
}

/// `CLIENT SETINFO`: what a client library says about itself.
fn set_info(call: &mut Visit<'_>, attribute: &[u8], value: &Bytes) -> Outcome {
    let value = checked_name(value)?;
    match attribute.to_ascii_lowercase().as_slice() {
        b"lib-name" => call.session.library = value,
        b"lib-ver" => call.session.library_version = value,
        _ => return Err(Refusal::other("ERR Unrecognized option for CLIENT SETINFO")),
    }
    Ok(Reply::OK)
}

/// Names are shown in one line of `CLIENT INFO`: no spaces, no control characters.
fn checked_name(name: &Bytes) -> Result<Bytes, Refusal> {
    if name.len() <= NAME_BYTES && name.iter().all(u8::is_ascii_graphic) {
        return Ok(name.clone());
    }
    Err(Refusal::other(
        "ERR Client names cannot contain spaces, newlines or special characters.",
    ))
}
