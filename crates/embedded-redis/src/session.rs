use std::net::SocketAddr;

use bytes::Bytes;

use crate::cmd::Command;
use crate::wire::Protocol;

/// Commands that one transaction may queue, and bytes of their arguments.
const QUEUED_COMMANDS: usize = 64 * 1024;
const QUEUED_BYTES: usize = 64 * 1024 * 1024;

/// What the server remembers about one connection.
pub(crate) struct Session {
    pub(crate) id: u64,
    pub(crate) peer: SocketAddr,
    pub(crate) protocol: Protocol,
    pub(crate) authenticated: bool,
    /// Empty until `CLIENT SETNAME`.
    pub(crate) name: Bytes,
    pub(crate) library: Bytes,
    pub(crate) library_version: Bytes,
    /// Between `MULTI` and `EXEC`.
    pub(crate) transaction: Option<Transaction>,
    /// The peer said `QUIT`: the connection ends after the reply.
    pub(crate) closing: bool,
}

/// Commands waiting for `EXEC`.
#[derive(Default)]
pub(crate) struct Transaction {
    pub(crate) queue: Vec<Queued>,
    bytes: usize,
    /// A command was refused while queueing, so nothing will run.
    pub(crate) aborted: bool,
}

/// A command that was found and has the right number of arguments.
pub(crate) struct Queued {
    pub(crate) command: &'static Command,
    pub(crate) args: Vec<Bytes>,
}

impl Session {
    pub(crate) fn new(id: u64, peer: SocketAddr, authenticated: bool) -> Self {
        Self {
            id,
            peer,
            protocol: Protocol::default(),
            authenticated,
            name: Bytes::new(),
            library: Bytes::new(),
            library_version: Bytes::new(),
            transaction: None,
            closing: false,
        }
    }

    /// As if newly connected.
    pub(crate) fn reset(&mut self, authenticated: bool) {
        *self = Self::new(self.id, self.peer, authenticated);
    }

    /// A refused command spoils the transaction that it was meant for.
    pub(crate) fn abort_transaction(&mut self) {
        if let Some(transaction) = &mut self.transaction {
            transaction.aborted = true;
            transaction.queue = Vec::new();
        }
    }

    /// The line of `CLIENT INFO`.
    pub(crate) fn describe(&self) -> String {
        let text = String::from_utf8_lossy;
        format!(
            "id={} addr={} name={} db=0 multi={} resp={} user=default lib-name={} lib-ver={}\n",
            self.id,
            self.peer,
            text(&self.name),
            self.transaction
                .as_ref()
                .map_or(-1, |transaction| transaction.queue.len() as i64),
            if self.protocol == Protocol::Resp3 {
                3
            } else {
                2
            },
            text(&self.library),
            text(&self.library_version),
        )
    }
}

impl Transaction {
    /// Queues a command; `false` when the transaction is full.
    pub(crate) fn push(&mut self, queued: Queued) -> bool {
        self.bytes += queued.args.iter().map(Bytes::len).sum::<usize>();
        let fits = self.queue.len() < QUEUED_COMMANDS && self.bytes <= QUEUED_BYTES;
        if fits && !self.aborted {
            self.queue.push(queued);
        }
        fits
    }
}
