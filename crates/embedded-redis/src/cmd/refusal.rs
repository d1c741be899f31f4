use std::borrow::Cow;

use thiserror::Error;

use crate::db::WrongType;
use crate::wire::Reply;

/// The longest piece of a peer's own words that an error repeats, in bytes.
const QUOTED_BYTES: usize = 128;

/// Why a command was not carried out. The texts are those that Redis clients know.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum Refusal {
    #[error(transparent)]
    WrongType(#[from] WrongType),
    #[error("ERR syntax error")]
    Syntax,
    #[error("ERR wrong number of arguments for '{0}' command")]
    Arity(Cow<'static, str>),
    #[error("ERR value is not an integer or out of range")]
    NotAnInteger,
    #[error("ERR value is out of range, must be positive")]
    NotPositive,
    #[error("ERR value is not a valid float")]
    NotADouble,
    #[error("ERR min or max is not a float")]
    NotAScoreRange,
    #[error("ERR min or max not valid string range item")]
    NotALexRange,
    #[error("ERR increment or decrement would overflow")]
    Overflow,
    #[error("ERR invalid expire time in '{0}' command")]
    ExpireTime(&'static str),
    #[error("ERR Invalid stream ID specified as stream command argument")]
    StreamId,
    /// Any other text, its code first.
    #[error("{0}")]
    Other(Cow<'static, str>),
}

impl Refusal {
    pub(crate) const fn other(text: &'static str) -> Self {
        Self::Other(Cow::Borrowed(text))
    }

    pub(crate) fn unknown_command(name: &[u8]) -> Self {
        let name = quote(name);
        Self::Other(
            format!(
                "ERR unknown command '{name}', this is the theater's embedded store with a small \
                 command list; for all of Redis install redis-server and start with --redis"
            )
            .into(),
        )
    }

    pub(crate) fn unknown_subcommand(command: &str, subcommand: &[u8]) -> Self {
        let subcommand = quote(subcommand);
        Self::Other(format!("ERR unknown subcommand '{subcommand}' of {command}").into())
    }
}

fn quote(text: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(&text[..text.len().min(QUOTED_BYTES)])
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self::Error(refusal.to_string())
    }
}
