//! The command line of curl. Pure.

use std::time::Duration;

/// What a command line asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Options {
    pub(super) urls: Vec<String>,
    pub(super) method: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) data: Option<String>,
    pub(super) output: Sink,
    pub(super) write_out: Option<String>,
    pub(super) limit: Option<Duration>,
    pub(super) silent: bool,
    pub(super) show_error: bool,
    pub(super) include: bool,
    pub(super) head: bool,
    pub(super) verbose: bool,
    pub(super) fail: bool,
    pub(super) version: bool,
}

/// Where an answer's body goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sink {
    #[default]
    Console,
    Nothing,
}

/// An option: its letter, its long name, whether a value follows.
type Row = (char, &'static str, bool);

const ROWS: [Row; 16] = [
    ('s', "silent", false),
    ('S', "show-error", false),
    ('i', "include", false),
    ('I', "head", false),
    ('v', "verbose", false),
    ('f', "fail", false),
    ('V', "version", false),
    ('N', "no-buffer", false),
    ('X', "request", true),
    ('H', "header", true),
    ('d', "data", true),
    ('o', "output", true),
    ('w', "write-out", true),
    ('m', "max-time", true),
    ('A', "user-agent", true),
    ('\0', "connect-timeout", true),
];

/// Long names that mean the same.
const ALIASES: [(&str, &str); 4] = [
    ("data-raw", "data"),
    ("data-binary", "data"),
    ("json", "json"),
    ("http1.1", "no-buffer"),
];

/// Reads a command line.
pub(super) fn parse(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if let Some(long) = argument.strip_prefix("--").filter(|long| !long.is_empty()) {
            long_option(&mut options, argument, long, &mut rest)?;
        } else if let Some(letters) = argument.strip_prefix('-').filter(|it| !it.is_empty()) {
            letters_of(&mut options, argument, letters, &mut rest)?;
        } else {
            options.urls.push(argument.clone());
        }
    }
    if options.urls.is_empty() && !options.version {
        return Err("(2) no URL specified".to_owned());
    }
    Ok(options)
}

fn long_option<'a>(
    options: &mut Options,
    argument: &str,
    long: &str,
    rest: &mut impl Iterator<Item = &'a String>,
) -> Result<(), String> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == long);
    let name = alias.map_or(long, |(_, name)| name);
    if name == "json" {
        let value = rest.next().ok_or_else(|| needs_value(argument))?;
        options
            .headers
            .push(("content-type".to_owned(), "application/json".to_owned()));
        return set(options, "data", value);
    }
    let row = ROWS.iter().find(|(_, known, _)| *known == name);
    let (_, name, takes_value) = row.ok_or_else(|| unknown(argument))?;
    if *takes_value {
        let value = rest.next().ok_or_else(|| needs_value(argument))?;
        set(options, name, value)
    } else {
        set(options, name, "")
    }
}

/// `-sSo /dev/null`: letters together, the last may have its value behind it or next.
fn letters_of<'a>(
    options: &mut Options,
    argument: &str,
    letters: &str,
    rest: &mut impl Iterator<Item = &'a String>,
) -> Result<(), String> {
    for (index, letter) in letters.char_indices() {
        let row = ROWS.iter().find(|(known, ..)| *known == letter);
        let (_, name, takes_value) = row.ok_or_else(|| unknown(argument))?;
        if *takes_value {
            let behind = &letters[index + letter.len_utf8()..];
            let mut next = || rest.next().map(String::as_str);
            let value = if behind.is_empty() {
                next()
            } else {
                Some(behind)
            };
            return set(options, name, value.ok_or_else(|| needs_value(argument))?);
        }
        set(options, name, "")?;
    }
    Ok(())
}

fn set(options: &mut Options, name: &str, value: &str) -> Result<(), String> {
    match name {
        "silent" => options.silent = true,
        "show-error" => options.show_error = true,
        "include" => options.include = true,
        "head" => options.head = true,
        "verbose" => options.verbose = true,
        "fail" => options.fail = true,
        "version" => options.version = true,
        "request" => options.method = Some(value.to_owned()),
        "header" => options.headers.push(header(value)),
        "user-agent" => options
            .headers
            .push(("user-agent".to_owned(), value.to_owned())),
        "data" => options.data = Some(joined(options.data.take(), value)?),
        "output" => options.output = sink(value)?,
        "write-out" => options.write_out = Some(value.to_owned()),
        "max-time" | "connect-timeout" => options.limit = Some(seconds(name, value)?),
        _ => {}
    }
    Ok(())
}

fn header(value: &str) -> (String, String) {
    let (name, value) = value.split_once(':').unwrap_or((value, ""));
    (name.trim().to_owned(), value.trim().to_owned())
}

/// curl: several `-d` are joined as the fields of one form.
fn joined(before: Option<String>, value: &str) -> Result<String, String> {
    if value.starts_with('@') && value != "@-" {
        return Err(format!(
            "option -d: error encountered when reading a file: {}",
            &value[1..]
        ));
    }
    Ok(match before {
        Some(before) => format!("{before}&{value}"),
        None => value.to_owned(),
    })
}

/// The image's file system cannot be written.
fn sink(value: &str) -> Result<Sink, String> {
    match value {
        "-" => Ok(Sink::Console),
        "/dev/null" => Ok(Sink::Nothing),
        file => Err(format!(
            "(23) Failed to open the file {file}: Read-only file system"
        )),
    }
}

fn seconds(name: &str, value: &str) -> Result<Duration, String> {
    let seconds = value
        .parse()
        .ok()
        .and_then(|it| Duration::try_from_secs_f64(it).ok());
    seconds.ok_or_else(|| format!("option --{name}: expected a proper numerical parameter"))
}

fn unknown(argument: &str) -> String {
    format!("option {argument}: is unknown")
}

fn needs_value(argument: &str) -> String {
    format!("option {argument}: requires parameter")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Options, String> {
        let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
        parse(&arguments)
    }

    #[test]
    fn letters_come_together_and_values_behind_or_next() {
        let expected = Options {
            urls: vec!["http://u".to_owned()],
            silent: true,
            show_error: true,
            output: Sink::Nothing,
            write_out: Some("%{http_code}".to_owned()),
            limit: Some(Duration::from_millis(500)),
            ..Options::default()
        };
        for line in [
            "-sSo /dev/null -w %{http_code} -m 0.5 http://u",
            "-s -S -o/dev/null -w%{http_code} -m0.5 http://u",
            "--silent --show-error --output /dev/null --write-out %{http_code} --max-time 0.5 http://u",
        ] {
            assert_eq!(of(line), Ok(expected.clone()), "{line}");
        }
    }

    #[test]
    fn forms_are_joined_and_json_names_itself() {
        assert_eq!(
            of("-d a=1 -d b=2 u").unwrap().data.as_deref(),
            Some("a=1&b=2")
        );
        let json = of("--json {} u").unwrap();
        assert_eq!(
            json.headers,
            [("content-type".to_owned(), "application/json".to_owned())]
        );
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, expected) in [
            ("--foo u", "option --foo: is unknown"),
            ("-sz u", "option -sz: is unknown"),
            ("u -H", "option -H: requires parameter"),
            ("-s", "(2) no URL specified"),
            (
                "-m x u",
                "option --max-time: expected a proper numerical parameter",
            ),
            (
                "-o /etc/passwd u",
                "(23) Failed to open the file /etc/passwd: Read-only file system",
            ),
            (
                "-d @/etc/passwd u",
                "option -d: error encountered when reading a file: /etc/passwd",
            ),
        ] {
            assert_eq!(of(line), Err(expected.to_owned()), "{line}");
        }
    }
}
