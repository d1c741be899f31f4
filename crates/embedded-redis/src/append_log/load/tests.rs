use std::fs;

use bytes::Bytes;

use super::*;
use crate::wire::encode_command;

/// A directory with an append file in it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("store.aof")
    }

    fn load(&self) -> Result<(Db, AppendFile), StartError> {
        load(&self.path())
    }

    /// Writes one frame per line; commands within a line are separated by `;`. Returns the length
    /// of the file and the keyspace after each frame.
    fn write(&self, lines: &[&str]) -> Vec<(u64, Db)> {
        let (mut db, mut file) = self.load().unwrap();
        let mut states = vec![(file.length(), db.clone())];
        for line in lines {
            file.commit(&frame(line)).unwrap();
            replay_commands(&mut db, BytesMut::from(&frame(line)[..])).unwrap();
            states.push((file.length(), db.clone()));
        }
        states
    }
}

fn frame(line: &str) -> Vec<u8> {
    let mut payload = Vec::new();
    for command in line.split(';') {
        let words: Vec<&[u8]> = command.split_whitespace().map(str::as_bytes).collect();
        encode_command(&mut payload, &words);
    }
    payload
}

const TRANSFERS: &[&str] = &[
    "SET from 100; SET to 0",
    "RPUSH log start",
    "INCRBY from -30; INCRBY to 30; RPUSH log 30",
    "ZADD index 0 a 0 b",
    "INCRBY from -70; INCRBY to 70; RPUSH log 70",
];

#[test]
fn wherever_a_file_is_cut_what_is_left_is_whole_frames() {
    let place = Place::new();
    let states = place.write(TRANSFERS);
    let bytes = fs::read(place.path()).unwrap();
    for length in 0..=bytes.len() {
        fs::write(place.path(), &bytes[..length]).unwrap();
        let (db, file) = place.load().unwrap();
        let (kept, expected) = states
            .iter()
            .rev()
            .find(|(kept, _)| *kept <= length as u64)
            .unwrap_or(&states[0]);
        assert_eq!(db, *expected, "cut at {length}");
        assert_eq!(file.length(), *kept, "cut at {length}");
        assert_eq!(
            fs::metadata(place.path()).unwrap().len(),
            *kept,
            "cut at {length}"
        );
    }
}

#[test]
fn whatever_byte_of_the_last_frame_is_changed_the_frames_before_are_kept() {
    let place = Place::new();
    let states = place.write(TRANSFERS);
    let (kept, expected) = &states[states.len() - 2];
    let bytes = fs::read(place.path()).unwrap();
    for changed in *kept as usize..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[changed] ^= 1;
        fs::write(place.path(), &bytes).unwrap();
        assert_eq!(place.load().unwrap().0, *expected, "changed at {changed}");
    }
}

#[test]
fn a_tail_of_zeros_is_cut() {
    let place = Place::new();
    let states = place.write(TRANSFERS);
    let mut bytes = fs::read(place.path()).unwrap();
    bytes.extend([0; 5000]);
    fs::write(place.path(), &bytes).unwrap();
    assert_eq!(place.load().unwrap().0, states.last().unwrap().1);
}

#[test]
fn a_frame_written_after_a_cut_is_loaded() {
    let place = Place::new();
    place.write(TRANSFERS);
    let bytes = fs::read(place.path()).unwrap();
    fs::write(place.path(), &bytes[..bytes.len() - 1]).unwrap();
    let states = place.write(&["SET after 1"]);
    let (db, _) = place.load().unwrap();
    assert_eq!(db, states[1].1);
    assert!(db.contains(&Bytes::from_static(b"after")));
}

#[test]
fn damage_before_whole_frames_is_an_error_that_names_the_place() {
    let place = Place::new();
    let states = place.write(TRANSFERS);
    let bytes = fs::read(place.path()).unwrap();
    for changed in states[1].0 as usize..states[4].0 as usize {
        let mut damaged = bytes.clone();
        damaged[changed] ^= 0x20;
        fs::write(place.path(), &damaged).unwrap();
        let frame = states
            .iter()
            .rev()
            .find(|(end, _)| *end <= changed as u64)
            .unwrap()
            .0;
        match place.load() {
            Err(StartError::Damaged { offset, next, .. }) => {
                assert_eq!(offset, frame);
                assert!(
                    states.iter().any(|(end, _)| *end == next),
                    "{next} is a frame"
                );
            }
            other => panic!("changed at {changed}: {:?}", other.map(|(db, _)| db)),
        }
        assert_eq!(
            fs::read(place.path()).unwrap(),
            damaged,
            "the file is left as it was"
        );
    }
}

#[test]
fn somebody_elses_file_is_left_alone() {
    let place = Place::new();
    for content in [
        "notes\n",
        "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n",
        "theater store, append file 2\r\n",
    ] {
        fs::write(place.path(), content).unwrap();
        assert!(
            matches!(place.load(), Err(StartError::NotAnAppendFile { .. })),
            "{content}"
        );
        assert_eq!(fs::read(place.path()).unwrap(), content.as_bytes());
    }
}

#[test]
fn a_command_of_a_newer_version_is_an_error_not_a_loss() {
    let place = Place::new();
    place
        .load()
        .unwrap()
        .1
        .commit(&frame("FUTURE a b"))
        .unwrap();
    let error = place.load().unwrap_err().to_string();
    assert!(
        error.contains("at byte 30") && error.contains("FUTURE"),
        "{error}"
    );
}

#[test]
fn one_file_has_one_store() {
    let place = Place::new();
    let first = place.load().unwrap();
    let error = place.load().unwrap_err();
    assert!(matches!(error, StartError::InUse { .. }), "{error}");
    drop(first);
    place.load().unwrap();
}

#[test]
fn errors_name_the_file() {
    let place = Place::new();
    let path = place.0.path().join("no/such/directory/store.aof");
    let error = load(&path).unwrap_err().to_string();
    assert!(error.contains(&*path.to_string_lossy()), "{error}");
}

#[cfg(unix)]
#[test]
fn only_its_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.load().unwrap();
    assert_eq!(
        fs::metadata(place.path()).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn a_rewritten_file_holds_the_snapshot_and_what_came_after() {
    let place = Place::new();
    let states = place.write(TRANSFERS);
    let (db, mut file) = place.load().unwrap();
    let new = AppendFile::rewrite(&place.path(), &db.snapshot()).unwrap();
    file.commit(&frame("SET after 1")).unwrap();
    file.replace(new, &frame("SET after 1")).unwrap();
    file.commit(&frame("SET later 2")).unwrap();
    drop(file);
    let mut expected = states.last().unwrap().1.clone();
    replay_commands(&mut expected, frame("SET after 1; SET later 2")[..].into()).unwrap();
    assert_eq!(place.load().unwrap().0, expected);
}

#[test]
fn a_rewrite_that_a_crash_left_behind_is_removed() {
    let place = Place::new();
    let states = place.write(TRANSFERS);
    fs::write(rewrite_path(&place.path()), "half").unwrap();
    assert_eq!(place.load().unwrap().0, states.last().unwrap().1);
    assert!(!rewrite_path(&place.path()).exists());
}
