//! Seats are a count. Data of the Go original holds a list of seat labels
//! instead: it is shown as its length, never as an error.

use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Count(u32),
    Labels(Vec<serde::de::IgnoredAny>),
    Nothing(()),
}

/// Reads a count, or counts labels; null is none.
pub(crate) fn count_or_labels<'de, D: Deserializer<'de>>(stored: D) -> Result<u32, D::Error> {
    Ok(match Stored::deserialize(stored)? {
        Stored::Count(count) => count,
        Stored::Labels(labels) => u32::try_from(labels.len()).unwrap_or(u32::MAX),
        Stored::Nothing(()) => 0,
    })
}

#[cfg(test)]
mod tests {
    use crate::Booking;

    fn seats(stored: &str) -> u32 {
        let json = format!(r#"{{"id":"7","userId":"1","movieId":"2","seats":{stored}}}"#);
        serde_json::from_str::<Booking>(&json).unwrap().seats
    }

    #[test]
    fn a_count_is_itself_and_labels_are_counted() {
        assert_eq!(seats("2"), 2);
        assert_eq!(seats(r#"["A1","A2","A3"]"#), 3);
        assert_eq!(seats("[]"), 0);
        assert_eq!(seats("null"), 0);
    }
}
