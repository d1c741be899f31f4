//! The wire format: fields by number, each with its bytes.

use super::Malformed;

/// Reads the fields of one message.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

/// What stands in a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Payload<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next field and its number; none at the end.
    pub(super) fn field(&mut self) -> Result<Option<(u64, Payload<'a>)>, Malformed> {
        if self.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let payload = match tag & 7 {
            0 => Payload::Varint(self.varint()?),
            1 => Payload::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Malformed::CutShort)?;
                Payload::Bytes(self.take(length)?)
            }
            5 => Payload::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(Malformed::NoType),
        };
        Ok(Some((tag >> 3, payload)))
    }

    /// Seven bits a byte, the lowest first.
    pub(super) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed::Overflow)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::CutShort)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let cut = self.rest.split_at_checked(length);
        let (bytes, rest) = cut.ok_or(Malformed::CutShort)?;
        self.rest = rest;
        Ok(bytes)
    }
}

impl<'a> Payload<'a> {
    pub(super) fn bytes(self) -> Result<&'a [u8], Malformed> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(Malformed::WrongType),
        }
    }

    pub(super) fn text(self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed::NoText)
    }

    /// A number in two's complement.
    pub(super) fn integer(self) -> Result<i64, Malformed> {
        match self {
            Self::Varint(bits) | Self::Fixed64(bits) => Ok(bits.cast_signed()),
            Self::Fixed32(bits) => Ok(bits.cast_signed().into()),
            Self::Bytes(_) => Err(Malformed::WrongType),
        }
    }

    pub(super) fn float(self) -> Result<f64, Malformed> {
        match self {
            Self::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(Malformed::WrongType),
        }
    }
}
