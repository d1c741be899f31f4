//! One line of a log file, as the container runtime interface of Kubernetes writes it. Pure.
//!
//! ```text
//! 2026-01-01T00:00:00.000000000Z stdout F the text
//! ```
//!
//! `F` = the line ends here; `P` = it is too long for one entry and goes on in the next.

use jiff::Timestamp;

/// Longest text of one entry in bytes, as of containerd.
pub(in crate::kubelet) const LONGEST: usize = 16 * 1024;

/// The stream a line was written to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::kubelet) enum Origin {
    Stdout,
    Stderr,
}

/// A parsed entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Entry<'a> {
    pub(super) time: &'a str,
    pub(super) text: &'a [u8],
    /// Whether the line ends with this entry.
    pub(super) ends: bool,
}

impl Origin {
    fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// Appends an entry.
pub(super) fn write(page: &mut Vec<u8>, now: Timestamp, origin: Origin, text: &[u8], ends: bool) {
    let tag = if ends { 'F' } else { 'P' };
    page.extend_from_slice(format!("{now:.9} {} {tag} ", origin.name()).as_bytes());
    page.extend_from_slice(text);
    page.push(b'\n');
}

/// Reads an entry without its line feed; none where it is malformed.
pub(super) fn parse(line: &[u8]) -> Option<Entry<'_>> {
    let mut parts = line.splitn(4, |byte| *byte == b' ');
    let time = std::str::from_utf8(parts.next()?).ok()?;
    let (_origin, tag) = (parts.next()?, parts.next()?);
    Some(Entry {
        time,
        text: parts.next()?,
        ends: tag == b"F",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_back_as_it_was_written() {
        let now: Timestamp = "2026-01-01T00:00:00.5Z".parse().unwrap();
        for (text, ends) in [("a b  c ", true), ("", true), ("cut", false)] {
            let mut page = Vec::new();
            write(&mut page, now, Origin::Stderr, text.as_bytes(), ends);
            let line = page.strip_suffix(b"\n").unwrap();
            let expected = Entry {
                time: "2026-01-01T00:00:00.500000000Z",
                text: text.as_bytes(),
                ends,
            };
            assert_eq!(parse(line), Some(expected));
        }
        assert_eq!(parse(b"torn"), None);
    }
}
