//! The commands, one file per family. Each family declares its commands in a table beside their
//! code; [`find`] looks a name up in all of them.

mod connection;
mod expiry;
mod hashes;
mod keys;
mod lists;
mod options;
mod refusal;
mod server;
mod sets;
mod sorted_set_ranges;
mod sorted_sets;
mod stream_ranges;
mod streams;
mod strings;
mod transactions;

use std::collections::HashMap;
use std::sync::LazyLock;

use bytes::Bytes;

pub(crate) use refusal::Refusal;

use crate::db::{Db, Now};
use crate::session::Session;
use crate::status::Status;
use crate::wire::{Reply, encode_command};

/// What a handler answers.
pub(crate) type Outcome = Result<Reply, Refusal>;

/// One command: its name, its shape and what it does.
pub(crate) struct Command {
    /// Lower case.
    pub(crate) name: &'static str,
    /// As `COMMAND` reports it: the number of words with the name; negative means "at least".
    pub(crate) arity: i32,
    pub(crate) keys: Keys,
    pub(crate) run: Run,
}

/// Which arguments are keys. Keys past their deadline are removed before a command touches them,
/// so no handler meets one.
#[derive(Clone, Copy)]
pub(crate) enum Keys {
    None,
    First,
    FirstTwo,
    All,
    /// Every second one: `MSET key value key value`.
    Alternate,
}

/// How a command runs, and what it may touch while it does.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// Reads the keyspace.
    Read(fn(&Read<'_>) -> Outcome),
    /// Changes the keyspace and writes what it changed to the append file.
    Write(fn(&mut Write<'_>) -> Outcome),
    /// Is about the connection or the server.
    Session(fn(&mut Visit<'_>) -> Outcome),
    /// Steers the transaction of a session, so it is never queued itself.
    Control(Control),
}

/// The commands that the dispatcher carries out itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    Multi,
    Exec,
    Discard,
    Watch,
    Reset,
    Quit,
}

/// What a reading command sees. `args` is without the name, here and below.
pub(crate) struct Read<'a> {
    pub(crate) db: &'a Db,
    pub(crate) args: &'a [Bytes],
    pub(crate) now: Now,
}

/// What a writing command works on.
pub(crate) struct Write<'a> {
    pub(crate) name: &'static str,
    pub(crate) db: &'a mut Db,
    pub(crate) args: &'a [Bytes],
    pub(crate) now: Now,
    /// Commands for the append file that repeat the change on any later day.
    pub(crate) effects: &'a mut Vec<u8>,
}

/// What a command about connection and server sees.
pub(crate) struct Visit<'a> {
    pub(crate) session: &'a mut Session,
    pub(crate) status: &'a Status,
    pub(crate) db: &'a Db,
    pub(crate) args: &'a [Bytes],
    pub(crate) now: Now,
}

impl Write<'_> {
    /// Logs the command as it was given; right when it does the same on any day.
    pub(crate) fn log_as_given(&mut self) {
        let mut words = vec![self.name.as_bytes()];
        words.extend(self.args.iter().map(AsRef::<[u8]>::as_ref));
        encode_command(self.effects, &words);
    }

    pub(crate) fn log(&mut self, words: &[&[u8]]) {
        encode_command(self.effects, words);
    }
}

impl Command {
    const fn read(
        name: &'static str,
        arity: i32,
        keys: Keys,
        run: fn(&Read<'_>) -> Outcome,
    ) -> Self {
        Self {
            name,
            arity,
            keys,
            run: Run::Read(run),
        }
    }

    const fn write(
        name: &'static str,
        arity: i32,
        keys: Keys,
        run: fn(&mut Write<'_>) -> Outcome,
    ) -> Self {
        Self {
            name,
            arity,
            keys,
            run: Run::Write(run),
        }
    }

    const fn session(name: &'static str, arity: i32, run: fn(&mut Visit<'_>) -> Outcome) -> Self {
        Self {
            name,
            arity,
            keys: Keys::None,
            run: Run::Session(run),
        }
    }

    const fn control(name: &'static str, arity: i32, control: Control) -> Self {
        Self {
            name,
            arity,
            keys: Keys::None,
            run: Run::Control(control),
        }
    }

    pub(crate) fn is_write(&self) -> bool {
        matches!(self.run, Run::Write(_))
    }

    pub(crate) fn takes(&self, arguments: usize) -> bool {
        let (words, arity) = (arguments + 1, self.arity.unsigned_abs() as usize);
        if self.arity < 0 {
            words >= arity
        } else {
            words == arity
        }
    }

    /// The keys among the arguments.
    pub(crate) fn keys_of<'a>(&self, args: &'a [Bytes]) -> impl Iterator<Item = &'a Bytes> {
        let (limit, step) = match self.keys {
            Keys::None => (0, 1),
            Keys::First => (1, 1),
            Keys::FirstTwo => (2, 1),
            Keys::All => (usize::MAX, 1),
            Keys::Alternate => (usize::MAX, 2),
        };
        args.iter().step_by(step).take(limit)
    }
}

static COMMANDS: LazyLock<HashMap<&'static [u8], &'static Command>> = LazyLock::new(|| {
    let families = [
        connection::COMMANDS,
        expiry::COMMANDS,
        hashes::COMMANDS,
        keys::COMMANDS,
        lists::COMMANDS,
        server::COMMANDS,
        sets::COMMANDS,
        sorted_sets::COMMANDS,
        sorted_set_ranges::COMMANDS,
        streams::COMMANDS,
        stream_ranges::COMMANDS,
        strings::COMMANDS,
        transactions::COMMANDS,
    ];
    families
        .into_iter()
        .flatten()
        .map(|command| (command.name.as_bytes(), command))
        .collect()
});

/// The command of that name, in any case, if it accepts so many arguments.
pub(crate) fn find(name: &[u8], arguments: usize) -> Result<&'static Command, Refusal> {
    let mut lower = [0; 16];
    let known = lower.get_mut(..name.len()).and_then(|lower| {
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        COMMANDS.get(&*lower).copied()
    });
    let command = known.ok_or_else(|| Refusal::unknown_command(name))?;
    if !command.takes(arguments) {
        return Err(Refusal::Arity(command.name.into()));
    }
    Ok(command)
}

/// All commands, by name.
pub(crate) fn all() -> Vec<&'static Command> {
    let mut all: Vec<_> = COMMANDS.values().copied().collect();
    all.sort_unstable_by_key(|command| command.name);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(find(b"gEt", 1).unwrap().name, "get");
        assert_eq!(
            find(b"get", 2).map(|c| c.name),
            Err(Refusal::Arity("get".into()))
        );
        assert!(find(b"averyveryverylongcommandname", 0).is_err());
        assert!(find(b"", 0).is_err());
    }

    #[test]
    fn every_name_is_lower_case_and_declared_once() {
        let all = all();
        assert!(
            all.iter()
                .all(|command| command.name.bytes().all(|b| b.is_ascii_lowercase()))
        );
        assert!(all.windows(2).all(|pair| pair[0].name != pair[1].name));
    }
}
