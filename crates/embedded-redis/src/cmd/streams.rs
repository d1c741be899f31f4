use super::options::Options;
use super::{Command, Keys, Outcome, Read, Refusal, Write};
use crate::db::{Stream, StreamId};
use crate::wire::Reply;

pub(super) const COMMANDS: &[Command] = &[
    Command::write("xadd", -5, Keys::First, add),
    Command::write("xtrim", -4, Keys::First, trim),
    Command::write("xdel", -3, Keys::First, delete),
    Command::write("xsetid", -3, Keys::First, set_id),
    Command::read("xlen", 2, Keys::First, length),
];

const ID_TOO_SMALL: Refusal = Refusal::other(
    "ERR The ID specified in XADD is equal or smaller than the target stream top item",
);
const ID_ZERO: Refusal = Refusal::other("ERR The ID specified in XADD must be greater than 0-0");
const ID_EXHAUSTED: Refusal =
    Refusal::other("ERR The stream has exhausted the last possible ID, unable to add more items");

/// How far a stream is cut. The approximate form (`~`) only permits to keep more: cutting exactly
/// is one way of doing what it asks.
#[derive(Clone, Copy)]
enum Trim {
    MaxLength(usize),
    MinId(StreamId),
}

impl Trim {
    fn apply(self, stream: &mut Stream) -> usize {
        match self {
            Self::MaxLength(length) => stream.keep_newest(length),
            Self::MinId(id) => stream.keep_from(id),
        }
    }

    /// The same as words for the append file.
    fn words(self) -> [String; 3] {
        let (strategy, threshold) = match self {
            Self::MaxLength(length) => ("MAXLEN", length.to_string()),
            Self::MinId(id) => ("MINID", id.to_string()),
        };
        [strategy.into(), "=".into(), threshold]
    }
}

/// Options that `XADD` and `XTRIM` share; stops in front of the first word that is none.
#[derive(Default)]
struct TrimOptions {
    trim: Option<Trim>,
    approximate: bool,
    /// Accepted where Redis accepts it; an exact cut has no use for it.
    limit: Option<i64>,
    no_create: bool,
}

impl TrimOptions {
    fn read(options: &mut Options<'_>) -> Result<Self, Refusal> {
        let mut read = Self::default();
        while let Some(keyword) = options.peek() {
            match keyword.as_str() {
                "NOMKSTREAM" => {
                    options.value()?;
                    read.no_create = true;
                }
                "LIMIT" => {
                    options.value()?;
                    read.limit = Some(options.integer()?);
                }
                word @ ("MAXLEN" | "MINID") => {
                    options.value()?;
                    read.threshold(word, options)?;
                }
                _ => break,
            }
        }
        read.check()?;
        Ok(read)
    }

    fn threshold(&mut self, strategy: &str, options: &mut Options<'_>) -> Result<(), Refusal> {
        if self.trim.is_some() {
            return Err(Refusal::other(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        if let Some("=" | "~") = options.peek().as_ref().map(|word| word.as_str()) {
            self.approximate = options.value()?.as_ref() == b"~";
        }
        self.trim = Some(match strategy {
            "MINID" => Trim::MinId(stream_id(options.value()?, 0)?),
            _ => {
                let length = usize::try_from(options.integer()?);
                let negative = Refusal::other("ERR The MAXLEN argument must be >= 0.");
                Trim::MaxLength(length.map_err(|_| negative)?)
            }
        });
        Ok(())
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.limit.is_some_and(|limit| limit < 0) {
            return Err(Refusal::other("ERR The LIMIT argument must be >= 0."));
        }
        if self.limit.is_some() && !self.approximate {
            return Err(Refusal::other(
                "ERR syntax error, LIMIT cannot be used without the special ~ option",
            ));
        }
        Ok(())
    }
}

/// The id as it was given to `XADD`.
enum NewId {
    Auto,
    AutoIn(u64),
    Exact(StreamId),
}

impl NewId {
    fn read(text: &[u8]) -> Result<Self, Refusal> {
        if text == b"*" {
            return Ok(Self::Auto);
        }
        let Some(millis) = text.strip_suffix(b"-*") else {
            return stream_id(text, 0).map(Self::Exact);
        };
        // A dash here would be read as an id with a sequence of its own.
        let complete = millis.contains(&b'-');
        let id = StreamId::parse(millis, 0).filter(|_| !complete);
        Ok(Self::AutoIn(id.ok_or(Refusal::StreamId)?.millis))
    }

    /// The id that the entry really gets.
    fn resolve(&self, stream: &Stream, now_millis: u64) -> Result<StreamId, Refusal> {
        if stream.last_id() == StreamId::MAX {
            return Err(ID_EXHAUSTED);
        }
        let id = match *self {
            Self::Auto => stream.next_id(now_millis).ok_or(ID_EXHAUSTED)?,
            Self::AutoIn(millis) => stream.next_id_in(millis).ok_or(ID_TOO_SMALL)?,
            Self::Exact(id) => id,
        };
        if id > stream.last_id() {
            Ok(id)
        } else {
            Err(ID_TOO_SMALL)
        }
    }
}

fn add(call: &mut Write<'_>) -> Outcome {
    let key = &call.args[0];
    let mut options = Options::new(&call.args[1..]);
    let trim = TrimOptions::read(&mut options)?;
    let new_id = NewId::read(options.value()?)?;
    let fields = options.rest();
    if fields.is_empty() || !fields.len().is_multiple_of(2) {
        return Err(Refusal::Arity(call.name.into()));
    }
    if matches!(new_id, NewId::Exact(StreamId::MIN)) {
        return Err(ID_ZERO);
    }
    let exists = call.db.view::<Stream>(key)?;
    if exists.is_none() && trim.no_create {
        return Ok(Reply::Nil);
    }
    let id = new_id.resolve(exists.unwrap_or(&Stream::default()), call.now.millis())?;
    let stream = call.db.edit_or_create::<Stream>(key)?;
    stream.append(id, fields.to_vec());
    let id = id.to_string();
    let mut words: Vec<&[u8]> = vec![b"XADD", key];
    let cut = trim
        .trim
        .filter(|trim| trim.apply(stream) > 0)
        .map(Trim::words);
    words.extend(cut.iter().flatten().map(String::as_bytes));
    words.push(id.as_bytes());
    words.extend(fields.iter().map(AsRef::<[u8]>::as_ref));
    call.log(&words);
    Ok(Reply::text(id))
}

fn trim(call: &mut Write<'_>) -> Outcome {
    let mut options = Options::new(&call.args[1..]);
    let read = TrimOptions::read(&mut options)?;
    let (Some(trim), [], false) = (read.trim, options.rest(), read.no_create) else {
        return Err(Refusal::Syntax);
    };
    let key = &call.args[0];
    let removed = call
        .db
        .edit::<Stream>(key)?
        .map_or(0, |stream| trim.apply(stream));
    if removed > 0 {
        let [strategy, exactly, threshold] = trim.words();
        let words = [
            strategy.as_bytes(),
            exactly.as_bytes(),
            threshold.as_bytes(),
        ];
        call.log(&[b"XTRIM", key, words[0], words[1], words[2]]);
    }
    Ok(Reply::count(removed))
}

fn delete(call: &mut Write<'_>) -> Outcome {
    let ids = call.args[1..].iter().map(|id| stream_id(id, 0));
    let ids: Vec<StreamId> = ids.collect::<Result<_, _>>()?;
    let Some(stream) = call.db.edit::<Stream>(&call.args[0])? else {
        return Ok(Reply::Integer(0));
    };
    let removed = ids.into_iter().filter(|id| stream.remove(*id)).count();
    if removed > 0 {
        call.log_as_given();
    }
    Ok(Reply::count(removed))
}

/// `XSETID key id`: how a rewritten append file restores the last id.
fn set_id(call: &mut Write<'_>) -> Outcome {
    if call.args.len() > 2 {
        return Err(Refusal::Syntax);
    }
    let id = stream_id(&call.args[1], 0)?;
    let stream = call.db.edit::<Stream>(&call.args[0])?;
    let stream = stream.ok_or(Refusal::other("ERR no such key"))?;
    let newest = stream.range(StreamId::MIN..=StreamId::MAX).next_back();
    if newest.is_some_and(|(newest, _)| id < newest) {
        return Err(Refusal::other(
            "ERR The ID specified in XSETID is smaller than the target stream top item",
        ));
    }
    stream.set_last_id(id);
    call.log_as_given();
    Ok(Reply::OK)
}

fn length(call: &Read<'_>) -> Outcome {
    Ok(Reply::count(
        call.db
            .view::<Stream>(&call.args[0])?
            .map_or(0, Stream::len),
    ))
}

/// An id, with the given sequence where it names none.
pub(super) fn stream_id(text: &[u8], missing_sequence: u64) -> Result<StreamId, Refusal> {
    StreamId::parse(text, missing_sequence).ok_or(Refusal::StreamId)
}
