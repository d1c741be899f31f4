/// The first line of every append file; the number is the version of the format.
pub(super) const FIRST_LINE: &[u8] = b"theater store, append file 1\r\n";

/// Bytes of `#llllllll cccccccc\r\n`.
pub(super) const HEADER_BYTES: usize = 20;

/// What stands in front of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes of the payload.
    pub(super) length: u32,
    checksum: u32,
}

impl Header {
    /// The header of a payload at `offset` of the file.
    pub(super) fn new(offset: u64, payload: &[u8]) -> Self {
        let length = u32::try_from(payload.len()).expect("a batch is far below 4 GiB");
        Self {
            length,
            checksum: checksum(offset, payload),
        }
    }

    pub(super) fn encode(self) -> String {
        format!("#{:08x} {:08x}\r\n", self.length, self.checksum)
    }

    /// Reads a header from the front of `bytes`.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let [b'#', fields @ .., b'\r', b'\n'] = bytes.get(..HEADER_BYTES)? else {
            return None;
        };
        let (length, checksum) = std::str::from_utf8(fields).ok()?.split_once(' ')?;
        let header = Self {
            length: u32::from_str_radix(length, 16).ok()?,
            checksum: u32::from_str_radix(checksum, 16).ok()?,
        };
        (header.encode().as_bytes() == &bytes[..HEADER_BYTES]).then_some(header)
    }

    pub(super) fn fits(self, offset: u64, payload: &[u8]) -> bool {
        payload.len() == self.length as usize && checksum(offset, payload) == self.checksum
    }
}

fn checksum(offset: u64, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&offset.to_le_bytes());
    hasher.update(&(payload.len() as u64).to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// The place of the first whole frame in `bytes`, which begin at `offset` of the file.
pub(super) fn find_frame(offset: u64, bytes: &[u8]) -> Option<u64> {
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'#');
    starts.map(|(start, _)| start).find_map(|start| {
        let at = offset + start as u64;
        let header = Header::decode(&bytes[start..])?;
        let payload = start + HEADER_BYTES;
        let payload = bytes.get(payload..payload + header.length as usize)?;
        header.fits(at, payload).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_back_and_belongs_to_one_place() {
        let header = Header::new(30, b"payload");
        let text = header.encode();
        assert_eq!(text.len(), HEADER_BYTES);
        assert_eq!(Header::decode(text.as_bytes()), Some(header));
        assert!(header.fits(30, b"payload"));
        assert!(!header.fits(31, b"payload") && !header.fits(30, b"Payload"));
    }

    #[test]
    fn other_bytes_are_no_header() {
        for bytes in [
            &b""[..],
            b"#00000001 0000000",
            b"#0000000g 00000000\r\n",
            b"#+0000001 00000000\r\n",
            b"#0000000A 00000000\r\n",
            b"#00000001_00000000\r\n",
            b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ] {
            assert_eq!(Header::decode(bytes), None, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_frame_is_found_behind_damage_but_not_inside_a_value() {
        let copied = [Header::new(30, b"abc").encode().as_bytes(), b"abc"].concat();
        assert_eq!(find_frame(30, &copied), Some(30));
        assert_eq!(find_frame(29, &[b"#", &copied[..]].concat()), Some(30));
        assert_eq!(find_frame(77, &copied), None);
    }
}
