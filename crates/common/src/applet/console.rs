//! A program's standard streams: of this process, or of a terminal far away.

use std::io::{Read, Write};

use bytes::Bytes;
use tokio::sync::mpsc;

/// Pages that wait between a program and its terminal.
const WAITING: usize = 16;
/// Most that is read of what is typed: as much as a request may hold.
const MOST_TYPED: usize = 4 * 1024 * 1024;
/// Size of what is read at once.
const PAGE: usize = 16 * 1024;

/// What a program wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// On standard output.
    Stdout(Bytes),
    /// On standard error.
    Stderr(Bytes),
}

/// The streams as the program has them.
pub struct Console {
    stdin: Option<mpsc::Receiver<Bytes>>,
    output: mpsc::Sender<Written>,
}

impl Console {
    /// A console with the given input, and what the program writes to it.
    pub fn new(stdin: Option<mpsc::Receiver<Bytes>>) -> (Self, mpsc::Receiver<Written>) {
        let (output, written) = mpsc::channel(WAITING);
        (Self { stdin, output }, written)
    }

    pub(super) async fn out(&self, bytes: impl Into<Bytes>) {
        let _ = self.output.send(Written::Stdout(bytes.into())).await;
    }

    pub(super) async fn err(&self, text: String) {
        let _ = self.output.send(Written::Stderr(text.into())).await;
    }

    /// Everything that is typed, within a bound.
    pub(super) async fn all_input(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        if let Some(stdin) = &mut self.stdin {
            while let Some(page) = stdin.recv().await {
                all.extend_from_slice(&page);
                if all.len() >= MOST_TYPED {
                    break;
                }
            }
        }
        all
    }
}

/// What this process is given, read by a thread that ends with the process or its input.
pub(super) fn stdin_of_process() -> Option<mpsc::Receiver<Bytes>> {
    let (typed, pages) = mpsc::channel(1);
    let read = move || {
        let mut page = vec![0; PAGE];
        while let Ok(length @ 1..) = std::io::stdin().read(&mut page) {
            let sent = typed.blocking_send(Bytes::copy_from_slice(&page[..length]));
            if sent.is_err() {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("stdin".to_owned());
    thread.spawn(read).ok().map(|_| pages)
}

/// Prints on this process's streams; who closed them does not want it.
pub(super) async fn print(mut written: mpsc::Receiver<Written>) {
    while let Some(page) = written.recv().await {
        let _ = match page {
            Written::Stdout(bytes) => std::io::stdout().write_all(&bytes),
            Written::Stderr(bytes) => std::io::stderr().write_all(&bytes),
        };
    }
    let _ = std::io::stdout().flush();
}
