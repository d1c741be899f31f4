//! Requests typed by hand (`telnet`, `nc`): words on a line, quoted as in redis-cli.

use std::iter::Peekable;
use std::slice::Iter;

use bytes::Bytes;

type Input<'a> = Peekable<Iter<'a, u8>>;

/// The words of a line, or `None` when a quote is not closed or a closing one is glued to a word.
pub(super) fn split(line: &[u8]) -> Option<Vec<Bytes>> {
    let mut input = line.iter().peekable();
    let mut words = Vec::new();
    loop {
        while input.next_if(|byte| byte.is_ascii_whitespace()).is_some() {}
        if input.peek().is_none() {
            return Some(words);
        }
        words.push(word(&mut input)?.into());
    }
}

fn word(input: &mut Input<'_>) -> Option<Vec<u8>> {
    let mut word = Vec::new();
    while let Some(&byte) = input.next_if(|byte| !byte.is_ascii_whitespace()) {
        match byte {
            b'"' => return quoted(input, word, b'"', escape),
            b'\'' => return quoted(input, word, b'\'', literal),
            _ => word.push(byte),
        }
    }
    Some(word)
}

/// Reads up to the closing quote, which must end the word.
fn quoted(
    input: &mut Input<'_>,
    mut word: Vec<u8>,
    quote: u8,
    unescape: fn(&mut Input<'_>) -> Option<Unescaped>,
) -> Option<Vec<u8>> {
    loop {
        match *input.next()? {
            byte if byte == quote => {
                return input
                    .peek()
                    .is_none_or(|next| next.is_ascii_whitespace())
                    .then_some(word);
            }
            b'\\' => word.extend(unescape(input)?),
            byte => word.push(byte),
        }
    }
}

type Unescaped = Vec<u8>;

/// Inside double quotes: `\n \r \t \b \a \xHH`, anything else stands for itself.
fn escape(input: &mut Input<'_>) -> Option<Unescaped> {
    let byte = match *input.next()? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        b'x' => return Some(hex(input)),
        other => other,
    };
    Some(vec![byte])
}

/// `\xHH`, or a plain `x` when no two hexadecimal digits follow.
fn hex(input: &mut Input<'_>) -> Unescaped {
    let mut ahead = input.clone();
    let mut digit = || Some(char::from(*ahead.next()?).to_digit(16)? as u8);
    match (digit(), digit()) {
        (Some(high), Some(low)) => {
            *input = ahead;
            vec![high << 4 | low]
        }
        _ => vec![b'x'],
    }
}

/// Inside single quotes only the quote itself can be escaped.
fn literal(input: &mut Input<'_>) -> Option<Unescaped> {
    Some(match input.next_if(|&&byte| byte == b'\'') {
        Some(&quote) => vec![quote],
        None => vec![b'\\'],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_and_unquoted() {
        for (line, expected) in [
            ("  GET   key ", vec!["GET", "key"]),
            ("", vec![]),
            (r#"SET k "a b\n\x41\q""#, vec!["SET", "k", "a b\nAq"]),
            (r"SET k 'it\'s \n'", vec!["SET", "k", r"it's \n"]),
            (r#"SET k """#, vec!["SET", "k", ""]),
            (r#"SET k "\xZZ""#, vec!["SET", "k", "xZZ"]),
        ] {
            assert_eq!(split(line.as_bytes()).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in [r#"SET k "a"#, "SET k 'a", r#"SET k "a"b"#, r#"SET k "a\"#] {
            assert_eq!(split(line.as_bytes()), None, "{line}");
        }
    }
}
