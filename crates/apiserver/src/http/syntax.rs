//! Errors of the JSON reader in Go's words, which clients show.

use serde_json::error::Category;

/// What the reader says before the place, and what Go says after the character that is there.
const WORDS: [(&str, &str); 6] = [
    (
        "key must be a string",
        "looking for beginning of object key string",
    ),
    ("expected value", "looking for beginning of value"),
    ("expected `:`", "after object key"),
    ("expected `,` or `}`", "after object key:value pair"),
    ("expected `,` or `]`", "after array element"),
    ("trailing characters", "after top-level value"),
];

/// The error in Go's words where it has some for it, else in the reader's.
pub(super) fn go_error(error: &serde_json::Error, body: &[u8]) -> String {
    if error.classify() == Category::Eof {
        return "unexpected end of JSON input".into();
    }
    let said = error.to_string();
    let found = character(error, body).zip(words(&said, character(error, body)));
    match found {
        Some((character, words)) => format!("invalid character {} {words}", quoted(character)),
        None => said,
    }
}

fn words(said: &str, character: Option<u8>) -> Option<&'static str> {
    // After a comma Go looks for what a comma promises.
    let said = match (said.starts_with("trailing comma"), character) {
        (true, Some(b'}')) => WORDS[0].0,
        (true, _) => WORDS[1].0,
        (false, _) => said,
    };
    let row = WORDS.iter().find(|(reader, _)| said.starts_with(reader))?;
    Some(row.1)
}

/// The character at which the reader stopped.
fn character(error: &serde_json::Error, body: &[u8]) -> Option<u8> {
    let line = body
        .split(|byte| *byte == b'\n')
        .nth(error.line().checked_sub(1)?)?;
    line.get(error.column().checked_sub(1)?).copied()
}

/// As Go quotes one byte.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        byte => format!("'{}'", char::from(byte).escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_told_as_go_does() {
        let rows = [
            (
                "{bad",
                "invalid character 'b' looking for beginning of object key string",
            ),
            (
                "{\n  bad",
                "invalid character 'b' looking for beginning of object key string",
            ),
            (
                "{'a':1}",
                r"invalid character '\'' looking for beginning of object key string",
            ),
            (
                "bad",
                "invalid character 'b' looking for beginning of value",
            ),
            (r#"{"a" 1}"#, "invalid character '1' after object key"),
            (
                r#"{"a":1 "b"}"#,
                "invalid character '\"' after object key:value pair",
            ),
            ("[1 2]", "invalid character '2' after array element"),
            ("{} x", "invalid character 'x' after top-level value"),
            (
                r#"{"a":1,}"#,
                "invalid character '}' looking for beginning of object key string",
            ),
            (
                "[1,]",
                "invalid character ']' looking for beginning of value",
            ),
            ("{", "unexpected end of JSON input"),
        ];
        for (body, expected) in rows {
            let error = serde_json::from_str::<serde_json::Value>(body).unwrap_err();
            assert_eq!(
                go_error(&error, body.as_bytes()),
                expected,
                "{body}: {error}"
            );
        }
    }
}
