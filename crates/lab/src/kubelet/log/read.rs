//! From a log's file to a client, as `PodLogOptions` say.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use apiserver::kubelet::{LogOptions, LogStream};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use tokio::sync::watch;

use super::Log;
use super::entry::{self, Entry};
use super::file::Progress;

/// Bytes read at once. Files are in memory while they are read, so this does not wait.
const PAGE: usize = 64 * 1024;

/// Pages of a log's text.
///
/// # Errors
/// When its file cannot be opened.
pub(in crate::kubelet) fn read(log: Arc<Log>, options: LogOptions) -> io::Result<LogStream> {
    let (mut file, progress) = log.open()?;
    if let Some(lines) = options.tail {
        seek_to_last(&mut file, lines)?;
    }
    let rotations = progress.borrow().rotations;
    let reader = Reader {
        rotations,
        selection: Selection::new(&options),
        follow: options.follow,
        rest: Vec::new(),
        log,
        file,
        progress,
    };
    let pages = stream::unfold(reader, async |mut reader| {
        let page = reader.next().await?;
        Some((page, reader))
    });
    Ok(pages.boxed())
}

struct Reader {
    log: Arc<Log>,
    file: File,
    progress: watch::Receiver<Progress>,
    /// Rotations up to the file that is open.
    rotations: u32,
    selection: Selection,
    follow: bool,
    /// The beginning of an entry whose end was not in the last page.
    rest: Vec<u8>,
}

impl Reader {
    async fn next(&mut self) -> Option<Bytes> {
        while !self.selection.is_full() {
            // Looked at before reading: what is written meanwhile is then read in the next round.
            let now = *self.progress.borrow_and_update();
            let page = self.page()?;
            if !page.is_empty() {
                return Some(page);
            }
            if self.rotations < now.rotations {
                let (file, progress) = self.log.open().ok()?;
                self.rotations = progress.borrow().rotations;
                (self.file, self.progress, self.rest) = (file, progress, Vec::new());
            } else if !self.follow || now.ended {
                return None;
            } else if !self.progress.has_changed().unwrap_or(true) {
                self.progress.changed().await.ok()?;
            }
        }
        None
    }

    /// The selected text of what is there; empty at the end of the file, none where it cannot be
    /// read.
    fn page(&mut self) -> Option<Bytes> {
        let mut bytes = vec![0; PAGE];
        loop {
            let read = self.file.read(&mut bytes).ok()?;
            if read == 0 {
                return Some(Bytes::new());
            }
            self.rest.extend_from_slice(&bytes[..read]);
            let whole = self.rest.iter().rposition(|byte| *byte == b'\n');
            let Some(whole) = whole else { continue };
            let tail = self.rest.split_off(whole + 1);
            let entries = std::mem::replace(&mut self.rest, tail);
            let page = self.selection.take(&entries);
            if !page.is_empty() || self.selection.is_full() {
                return Some(page.into());
            }
        }
    }
}

/// Which part of each entry is shown.
struct Selection {
    since: Option<Timestamp>,
    timestamps: bool,
    /// Bytes still allowed.
    left: Option<u64>,
    /// The last entry did not end its line.
    in_line: bool,
}

impl Selection {
    fn new(options: &LogOptions) -> Self {
        Self {
            since: options.since,
            timestamps: options.timestamps,
            left: options.limit,
            in_line: false,
        }
    }

    fn is_full(&self) -> bool {
        self.left == Some(0)
    }

    fn take(&mut self, entries: &[u8]) -> Vec<u8> {
        let mut page = Vec::with_capacity(entries.len());
        for line in entries.split(|byte| *byte == b'\n') {
            if let Some(entry) = entry::parse(line).filter(|entry| self.is_wanted(entry)) {
                self.show(&entry, &mut page);
            }
        }
        if let Some(left) = &mut self.left {
            page.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= page.len() as u64;
        }
        page
    }

    /// Times only grow, so the first entry that is young enough ends the looking.
    fn is_wanted(&mut self, entry: &Entry<'_>) -> bool {
        let Some(since) = self.since else { return true };
        let young = entry
            .time
            .parse::<Timestamp>()
            .is_ok_and(|time| time >= since);
        if young {
            self.since = None;
        }
        young
    }

    fn show(&mut self, entry: &Entry<'_>, page: &mut Vec<u8>) {
        if self.timestamps && !self.in_line {
            page.extend_from_slice(entry.time.as_bytes());
            page.push(b' ');
        }
        page.extend_from_slice(entry.text);
        if entry.ends {
            page.push(b'\n');
        }
        self.in_line = !entry.ends;
    }
}

/// Goes to the beginning of the last `lines` entries.
fn seek_to_last(file: &mut File, lines: u64) -> io::Result<()> {
    let mut position = file.seek(SeekFrom::End(0))?;
    let mut found = 0;
    let mut block = vec![0; PAGE];
    while position > 0 {
        let size = position.min(PAGE as u64);
        position -= size;
        file.seek(SeekFrom::Start(position))?;
        let block = &mut block[..usize::try_from(size).unwrap_or(PAGE)];
        file.read_exact(block)?;
        for (index, _) in block
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, byte)| **byte == b'\n')
        {
            // The first line feed from the end ends the last entry; the n + 1st precedes the nth.
            if found == lines {
                file.seek(SeekFrom::Start(position + index as u64 + 1))?;
                return Ok(());
            }
            found += 1;
        }
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Lines, Origin};
    use super::*;

    const TIME: &str = "2026-01-01T00:00:00Z";

    fn log(limit: u64) -> (tempfile::TempDir, Arc<Log>) {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::with_limit(folder.path().join("0.log"), limit).unwrap();
        (folder, Arc::new(log))
    }

    fn put(log: &Log, text: &str, seconds: i64) {
        let time: Timestamp = TIME.parse().unwrap();
        let time = time + jiff::SignedDuration::from_secs(seconds);
        Lines::of(Origin::Stdout).take(text.as_bytes(), time, log);
    }

    async fn all(log: &Arc<Log>, options: LogOptions) -> String {
        let pages: Vec<Bytes> = read(Arc::clone(log), options).unwrap().collect().await;
        String::from_utf8(pages.concat()).unwrap()
    }

    #[tokio::test]
    async fn options_choose_the_lines() {
        let (_folder, log) = log(u64::MAX);
        put(&log, "one\ntwo\n", 0);
        put(&log, "three\n", 10);
        let none = LogOptions::default;
        let since = Some("2026-01-01T00:00:05Z".parse().unwrap());
        let rows = [
            (none(), "one\ntwo\nthree\n"),
            (
                LogOptions {
                    tail: Some(2),
                    ..none()
                },
                "two\nthree\n",
            ),
            (
                LogOptions {
                    tail: Some(0),
                    ..none()
                },
                "",
            ),
            (
                LogOptions {
                    tail: Some(9),
                    ..none()
                },
                "one\ntwo\nthree\n",
            ),
            (LogOptions { since, ..none() }, "three\n"),
            (
                LogOptions {
                    limit: Some(5),
                    ..none()
                },
                "one\nt",
            ),
            (
                LogOptions {
                    timestamps: true,
                    tail: Some(1),
                    ..none()
                },
                "2026-01-01T00:00:10.000000000Z three\n",
            ),
        ];
        for (options, expected) in rows {
            assert_eq!(all(&log, options.clone()).await, expected, "{options:?}");
        }
    }

    #[tokio::test]
    async fn the_last_lines_are_found_across_many_pages() {
        let (_folder, log) = log(u64::MAX);
        let text: String = (0..20_000)
            .map(|number| format!("line {number}\n"))
            .collect();
        put(&log, &text, 0);
        let options = LogOptions {
            tail: Some(15_000),
            ..LogOptions::default()
        };
        let shown = all(&log, options).await;
        assert!(shown.starts_with("line 5000\n") && shown.ends_with("line 19999\n"));
        assert_eq!(shown.lines().count(), 15_000);
    }

    #[tokio::test]
    async fn a_long_line_is_one_line_again() {
        let (_folder, log) = log(u64::MAX);
        let long = "x".repeat(50_000);
        put(&log, &format!("{long}\nnext\n"), 0);
        assert_eq!(
            all(&log, LogOptions::default()).await,
            format!("{long}\nnext\n")
        );
    }

    #[tokio::test]
    async fn a_follower_sees_what_is_written_over_rotations_and_ends_with_the_log() {
        let (folder, log) = log(100);
        let options = LogOptions {
            follow: true,
            ..LogOptions::default()
        };
        let following = tokio::spawn({
            let log = Arc::clone(&log);
            async move { all(&log, options).await }
        });
        let mut expected = String::new();
        for number in 0..10 {
            // The reader keeps up, as a rotation forgets what came before the last one.
            tokio::task::yield_now().await;
            put(&log, &format!("line {number}\n"), number);
            expected += &format!("line {number}\n");
        }
        log.end();
        assert_eq!(following.await.unwrap(), expected);
        assert_eq!(
            folder.path().read_dir().unwrap().count(),
            2,
            "rotated files are forgotten"
        );
    }
}
