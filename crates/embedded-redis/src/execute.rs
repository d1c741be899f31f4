//! One request against the keyspace: pure, under the store's lock, at the time it is given.

use bytes::Bytes;

use crate::cmd::{self, Command, Control, Read, Refusal, Run, Visit, Write};
use crate::db::{Db, Now};
use crate::session::{Queued, Session, Transaction};
use crate::status::Status;
use crate::wire::{Reply, Request, encode_command};

/// Commands that a peer may use before it has given the password.
const BEFORE_AUTH: [&str; 4] = ["auth", "hello", "quit", "reset"];

/// The keyspace and where its changes are written.
pub(crate) struct Engine<'a> {
    pub(crate) db: &'a mut Db,
    /// Commands for the append file, as RESP.
    pub(crate) effects: &'a mut Vec<u8>,
    /// Why writes are refused, if they are.
    pub(crate) read_only: Option<&'a str>,
    pub(crate) status: &'a Status,
    pub(crate) now: Now,
}

impl Engine<'_> {
    /// Carries out a request for a session, or queues it in the session's transaction.
    pub(crate) fn execute(&mut self, session: &mut Session, mut request: Request) -> Reply {
        let name = request.remove(0);
        match self.admit(session, &name, &request) {
            Ok(command) => self.dispatch(session, command, request),
            Err(refusal) => {
                session.abort_transaction();
                refusal.into()
            }
        }
    }

    fn admit(
        &self,
        session: &Session,
        name: &[u8],
        args: &[Bytes],
    ) -> Result<&'static Command, Refusal> {
        let command = cmd::find(name, args.len())?;
        if !session.authenticated && !BEFORE_AUTH.contains(&command.name) {
            return Err(Refusal::other("NOAUTH Authentication required."));
        }
        self.check_writable(command)?;
        Ok(command)
    }

    fn check_writable(&self, command: &Command) -> Result<(), Refusal> {
        match self.read_only {
            Some(reason) if command.is_write() => Err(Refusal::Other(reason.to_owned().into())),
            _ => Ok(()),
        }
    }

    fn dispatch(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Vec<Bytes>,
    ) -> Reply {
        if let Run::Control(control) = command.run {
            return self.control(session, control);
        }
        let Some(transaction) = &mut session.transaction else {
            return self.run(session, command, &args);
        };
        if transaction.push(Queued { command, args }) {
            return Reply::Simple("QUEUED");
        }
        session.abort_transaction();
        Reply::Error("ERR transaction too large, send it in parts".into())
    }

    fn control(&mut self, session: &mut Session, control: Control) -> Reply {
        match (control, session.transaction.is_some()) {
            (Control::Multi, true) => error("ERR MULTI calls can not be nested"),
            (Control::Multi, false) => {
                session.transaction = Some(Transaction::default());
                Reply::OK
            }
            (Control::Exec, true) => self.exec(session),
            (Control::Exec, false) => error("ERR EXEC without MULTI"),
            (Control::Discard, true) => {
                session.transaction = None;
                Reply::OK
            }
            (Control::Discard, false) => error("ERR DISCARD without MULTI"),
            (Control::Watch, true) => error("ERR WATCH inside MULTI is not allowed"),
            (Control::Watch, false) => error(
                "ERR WATCH is not part of the theater's embedded store; for all of Redis install \
                 redis-server and start with --redis",
            ),
            (Control::Reset, _) => {
                session.reset(self.status.password.is_none());
                Reply::Simple("RESET")
            }
            (Control::Quit, _) => {
                session.closing = true;
                Reply::OK
            }
        }
    }

    /// Nobody else runs meanwhile, and all effects land in one piece of the append file. As in
    /// Redis, a command that fails does not undo the others.
    fn exec(&mut self, session: &mut Session) -> Reply {
        let transaction = session.transaction.take().unwrap_or_default();
        if transaction.aborted {
            return error("EXECABORT Transaction discarded because of previous errors.");
        }
        let refused = transaction
            .queue
            .iter()
            .find_map(|queued| self.check_writable(queued.command).err());
        if let Some(refusal) = refused {
            return Reply::Error(format!(
                "EXECABORT Transaction discarded because of: {refusal}"
            ));
        }
        let run = |queued: Queued| self.run(session, queued.command, &queued.args);
        Reply::Array(transaction.queue.into_iter().map(run).collect())
    }

    fn run(&mut self, session: &mut Session, command: &Command, args: &[Bytes]) -> Reply {
        for key in command.keys_of(args) {
            remove_expired(self.db, self.effects, key, self.now);
        }
        let now = self.now;
        let outcome = match command.run {
            Run::Read(run) => run(&Read {
                db: self.db,
                args,
                now,
            }),
            Run::Write(run) => run(&mut Write {
                name: command.name,
                db: self.db,
                args,
                now,
                effects: self.effects,
            }),
            Run::Session(run) => run(&mut Visit {
                session,
                status: self.status,
                db: self.db,
                args,
                now,
            }),
            Run::Control(_) => Err(Refusal::other("ERR not allowed in a transaction")),
        };
        outcome.unwrap_or_else(Reply::from)
    }
}

fn error(text: &str) -> Reply {
    Reply::Error(text.into())
}

/// Removes a key past its deadline and logs that, because in a replay no deadline passes.
fn remove_expired(db: &mut Db, effects: &mut Vec<u8>, key: &Bytes, now: Now) {
    if db.expire(key, now) {
        encode_command(effects, &[b"DEL", key]);
    }
}

/// Removes up to `limit` keys past their deadline, whether anybody asks for them or not.
pub(crate) fn sweep(db: &mut Db, effects: &mut Vec<u8>, now: Now, limit: usize) {
    for key in db.overdue(now, limit) {
        remove_expired(db, effects, &key, now);
    }
}

/// Repeats one command of the append file.
pub(crate) fn replay(db: &mut Db, request: &Request) -> Result<(), Refusal> {
    let (name, args) = request.split_first().ok_or(Refusal::Syntax)?;
    let command = cmd::find(name, args.len())?;
    let Run::Write(run) = command.run else {
        return Err(Refusal::other("ERR only writes belong into an append file"));
    };
    let mut effects = Vec::new();
    let mut write = Write {
        name: command.name,
        db,
        args,
        now: Now::REPLAY,
        effects: &mut effects,
    };
    run(&mut write).map(drop)
}

#[cfg(test)]
mod tests;
