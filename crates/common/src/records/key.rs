//! Redis keys, and the order of a list.
//!
//! The index is a sorted set whose scores are all 0, so Redis orders members
//! by their bytes. Our ids are UUIDv7, whose text order is their age. Ids that
//! came by other means ("1", "9", "abc") are older than any of ours: they are
//! stored with a leading `!` (which sorts before every digit) and their length,
//! so that "9" comes before "10".

use super::Record;

/// Key of the object `id`.
pub(super) fn object<R: Record>(id: &str) -> String {
    format!("{}:{id}", R::KIND)
}

/// Key of the collection's index.
pub(super) fn index<R: Record>() -> String {
    format!("index:{}", R::KIND)
}

/// Key that says that sample data must not be written any more.
pub(super) fn seeded<R: Record>() -> String {
    format!("seeded:{}", R::KIND)
}

/// Key of the lock of the one pod that brings the index up to date.
pub(super) fn indexing<R: Record>() -> String {
    format!("indexing:{}", R::KIND)
}

/// Member of the index that stands for `id`.
pub(super) fn member(id: &str) -> String {
    let ours = uuid::Uuid::try_parse(id).is_ok_and(|it| it.get_version_num() == 7);
    // A shortened or upper-case spelling would sort elsewhere than its age.
    if ours && id.len() == 36 && !id.contains(|c: char| c.is_ascii_uppercase()) {
        id.to_owned()
    } else {
        format!("!{:03}{id}", id.len().min(999))
    }
}

/// The id that `member` stands for.
pub(super) fn id_of(member: &str) -> &str {
    match member.strip_prefix('!') {
        Some(rest) => rest.get(3..).unwrap_or(rest),
        None => member,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_sort_by_age_and_foreign_ids_come_first_by_number() {
        let older = uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 1_000, 0));
        let newer = uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 2_000, 0));
        let ids = [
            "1",
            "9",
            "10",
            "abc",
            &older.to_string(),
            &newer.to_string(),
        ]
        .map(String::from);
        let mut members: Vec<String> = ids.iter().rev().map(|id| member(id)).collect();
        members.sort();
        let back: Vec<&str> = members.iter().map(|it| id_of(it)).collect();
        assert_eq!(back, ids);
    }

    #[test]
    fn every_id_survives_the_round_trip() {
        for id in [
            "",
            "!",
            "!001x",
            "홍",
            "0190d6a0-0000-7000-8000-00000000000A",
        ] {
            assert_eq!(id_of(&member(id)), id);
        }
    }
}
