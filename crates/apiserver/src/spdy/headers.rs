//! Name/value header blocks, compressed with one zlib state for all blocks of a direction.

use flate2::{Decompress, FlushDecompress, Status};

use super::frame::Violation;

/// The dictionary every SPDY/3 header block is compressed with (SPDY Protocol, draft 3.1, 2.6.10.1).
const DICTIONARY: &[u8] = include_bytes!("dictionary.bin");
/// Largest block accepted, in bytes after decompression: clients send four short headers.
const MAX_BLOCK: usize = 16 * 1024;

/// A zlib header, then one stored block with the count 0, then an empty stored block, which is
/// what a sync flush leaves and readers wait for.
const FIRST_EMPTY_BLOCK: &[u8] = &[
    0x78, 0x01, 0x00, 0x04, 0x00, 0xfb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff,
];

/// The headers of one frame, in order.
pub(crate) type Headers = Vec<(String, String)>;

/// Reads the header blocks of one direction.
#[derive(Debug)]
pub(super) struct Inflater(Decompress);

/// Writes empty header blocks, the only ones a server needs: no compressor is needed for them.
#[derive(Debug, Default)]
pub(super) struct EmptyBlocks {
    begun: bool,
}

impl Default for Inflater {
    fn default() -> Self {
        Self(Decompress::new(true))
    }
}

impl Inflater {
    /// The headers in a compressed block.
    pub(super) fn headers(&mut self, compressed: &[u8]) -> Result<Headers, Violation> {
        parse(&self.inflate(compressed)?).ok_or(Violation("a header block is malformed"))
    }

    fn inflate(&mut self, mut rest: &[u8]) -> Result<Vec<u8>, Violation> {
        let mut block = Vec::with_capacity(1024);
        while !rest.is_empty() {
            if block.len() == block.capacity() {
                block.reserve(1024);
            }
            let before = (self.0.total_in(), block.len());
            let outcome = self
                .0
                .decompress_vec(rest, &mut block, FlushDecompress::Sync);
            let used = usize::try_from(self.0.total_in() - before.0).unwrap_or(usize::MAX);
            rest = rest.get(used..).unwrap_or_default();
            match outcome {
                Err(error) if error.needs_dictionary().is_some() => {
                    let known = self.0.set_dictionary(DICTIONARY);
                    known.map_err(|_| Violation("a header block has a foreign dictionary"))?;
                }
                Err(_) => return Err(Violation("a header block is no zlib data")),
                Ok(Status::StreamEnd) => break,
                Ok(_) if block.len() > MAX_BLOCK => {
                    return Err(Violation("a header block is too large"));
                }
                Ok(_) if used == 0 && block.len() == before.1 && block.len() < block.capacity() => {
                    return Err(Violation("a header block cannot be decompressed"));
                }
                Ok(_) => {}
            }
        }
        self.drain(&mut block)?;
        Ok(block)
    }

    /// Output that did not fit while there was input.
    fn drain(&mut self, block: &mut Vec<u8>) -> Result<(), Violation> {
        while block.len() == block.capacity() {
            if block.len() > MAX_BLOCK {
                return Err(Violation("a header block is too large"));
            }
            block.reserve(1024);
            let before = block.len();
            let _ = self.0.decompress_vec(&[], block, FlushDecompress::Sync);
            if block.len() == before {
                break;
            }
        }
        Ok(())
    }
}

impl EmptyBlocks {
    /// The next block of this direction.
    pub(super) fn next(&mut self) -> &'static [u8] {
        let first = !std::mem::replace(&mut self.begun, true);
        if first {
            FIRST_EMPTY_BLOCK
        } else {
            &FIRST_EMPTY_BLOCK[2..]
        }
    }
}

/// `u32 count`, then each `u32 length, name, u32 length, value`.
fn parse(mut block: &[u8]) -> Option<Headers> {
    let count = take_length(&mut block)?;
    let mut headers = Headers::new();
    for _ in 0..count {
        let name = take_text(&mut block)?.to_ascii_lowercase();
        headers.push((name, take_text(&mut block)?));
    }
    Some(headers)
}

fn take_length(block: &mut &[u8]) -> Option<usize> {
    let (length, rest) = block.split_first_chunk::<4>()?;
    *block = rest;
    usize::try_from(u32::from_be_bytes(*length)).ok()
}

fn take_text(block: &mut &[u8]) -> Option<String> {
    let length = take_length(block)?;
    let (text, rest) = block.split_at_checked(length)?;
    *block = rest;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use flate2::{Compress, Compression, FlushCompress};
    use proptest::prelude::*;

    use super::*;

    /// What a client does.
    pub(crate) struct Deflater(Compress);

    impl Deflater {
        pub(crate) fn new() -> Self {
            let mut compress = Compress::new(Compression::default(), true);
            compress.set_dictionary(DICTIONARY).unwrap();
            Self(compress)
        }

        pub(crate) fn block(&mut self, headers: &[(String, String)]) -> Vec<u8> {
            let count = u32::try_from(headers.len()).unwrap();
            let mut plain = count.to_be_bytes().to_vec();
            for text in headers.iter().flat_map(|(name, value)| [name, value]) {
                plain.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
                plain.extend(text.as_bytes());
            }
            let mut block = Vec::with_capacity(plain.len() * 2 + 256);
            self.0
                .compress_vec(&plain, &mut block, FlushCompress::Sync)
                .unwrap();
            block
        }
    }

    #[test]
    fn the_dictionary_is_that_of_the_protocol() {
        let (mut a, mut b) = (1_u32, 0_u32);
        for byte in DICTIONARY {
            a = (a + u32::from(*byte)) % 65_521;
            b = (b + a) % 65_521;
        }
        assert_eq!((DICTIONARY.len(), b << 16 | a), (1423, 0xe3c6_a7c2));
    }

    #[test]
    fn a_client_reads_our_empty_blocks_one_after_the_other() {
        let mut inflater = Inflater::default();
        let mut blocks = EmptyBlocks::default();
        for _ in 0..3 {
            assert_eq!(inflater.headers(blocks.next()), Ok(Vec::new()));
        }
    }

    #[test]
    fn a_block_that_would_grow_without_limit_is_refused() {
        let headers = [("x".to_owned(), "a".repeat(4 * MAX_BLOCK))];
        let block = Deflater::new().block(&headers);
        assert!(block.len() < 1024, "it is small on the wire");
        assert!(Inflater::default().headers(&block).is_err());
    }

    proptest! {
        #[test]
        fn blocks_of_one_direction_share_one_state(
            blocks in proptest::collection::vec(
                proptest::collection::vec(("[a-z]{1,9}", "[ -~]{0,40}"), 0..5), 1..5,
            ),
        ) {
            let (mut deflater, mut inflater) = (Deflater::new(), Inflater::default());
            for headers in blocks {
                prop_assert_eq!(inflater.headers(&deflater.block(&headers)), Ok(headers));
            }
        }

        #[test]
        fn any_bytes_are_headers_or_a_violation(bytes: Vec<u8>) {
            let _ = Inflater::default().headers(&bytes);
        }
    }
}
