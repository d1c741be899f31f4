//! `wget`, as BusyBox has it, with the options of everyday use.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;

use super::Console;
use super::http::{Failure, address, send};
use crate::outbound::Resolve;

/// What a command line asks for.
#[derive(Clone, Debug, Default, PartialEq)]
struct Options {
    url: String,
    quiet: bool,
    show_headers: bool,
    spider: bool,
    output: Sink,
    headers: Vec<(String, String)>,
    data: Option<String>,
    limit: Option<Duration>,
}

/// Where an answer's body goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sink {
    /// A file, which the image's file system does not take.
    #[default]
    File,
    Console,
    Nothing,
}

pub(super) async fn run(arguments: &[String], console: &mut Console, resolve: &dyn Resolve) -> i32 {
    let outcome = match parse(arguments) {
        Ok(options) => transfer(&options, console, resolve).await,
        Err(complaint) => Err(complaint),
    };
    match outcome {
        Ok(()) => 0,
        Err(why) => {
            console.err(format!("wget: {why}\n")).await;
            1
        }
    }
}

async fn transfer(
    options: &Options,
    console: &Console,
    resolve: &dyn Resolve,
) -> Result<(), String> {
    let transfer = fetch(options, console, resolve);
    match options.limit {
        Some(limit) => tokio::time::timeout(limit, transfer)
            .await
            .unwrap_or_else(|_| Err("download timed out".to_owned())),
        None => transfer.await,
    }
}

async fn fetch(options: &Options, console: &Console, resolve: &dyn Resolve) -> Result<(), String> {
    let uri = address(&options.url).map_err(|failure| explain(&failure))?;
    let method = if options.data.is_some() {
        "POST"
    } else {
        "GET"
    };
    let mut request = Request::builder()
        .method(method)
        .uri(uri)
        .header("user-agent", "Wget");
    for (name, value) in &options.headers {
        request = request.header(name, value);
    }
    let body: Full<Bytes> = Full::from(options.data.clone().unwrap_or_default());
    let request = request
        .body(body)
        .map_err(|_| "a header cannot be sent".to_owned())?;
    let mut answer = send(request, resolve)
        .await
        .map_err(|failure| explain(&failure))?;
    let status = answer.response.status();
    let line = format!(
        "HTTP/1.1 {} {}",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default()
    );
    if options.show_headers {
        let headers = answer.response.headers().iter();
        let headers: String = headers
            .map(|(name, value)| {
                format!("  {name}: {}\n", String::from_utf8_lossy(value.as_bytes()))
            })
            .collect();
        console.err(format!("  {line}\n{headers}")).await;
    }
    if !status.is_success() {
        return Err(format!("server returned error: {line}"));
    }
    if options.spider {
        return Ok(());
    }
    if options.output == Sink::File {
        let path = options.url.rsplit('/').next().filter(|it| !it.is_empty());
        return Err(format!(
            "can't open '{}': Read-only file system",
            path.unwrap_or("index.html")
        ));
    }
    while let Some(frame) = answer.response.body_mut().frame().await {
        let frame = frame.map_err(|error| error.to_string())?;
        if let Ok(bytes) = frame.into_data()
            && options.output == Sink::Console
        {
            console.out(bytes).await;
        }
    }
    Ok(())
}

fn explain(failure: &Failure) -> String {
    match failure {
        Failure::Address(why) => why.clone(),
        Failure::Unknown(host) => format!("bad address '{host}'"),
        Failure::Refused(host, _) => {
            format!("can't connect to remote host ({host}): Connection refused")
        }
        Failure::Empty => "error getting response: Connection reset by peer".to_owned(),
        Failure::Broken(why) => format!("error getting response: {why}"),
    }
}

fn parse(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value)),
            _ => (argument.as_str(), None),
        };
        let mut next = || {
            value
                .map(str::to_owned)
                .or_else(|| rest.next().cloned())
                .ok_or_else(|| format!("option requires an argument: {argument}"))
        };
        match name {
            "-q" | "--quiet" => options.quiet = true,
            "-S" | "--server-response" => options.show_headers = true,
            "--spider" => options.spider = true,
            "-qO-" | "-O-" => options.output = Sink::Console,
            "-O" | "-qO" | "--output-document" => options.output = sink(&next()?)?,
            "-T" | "--timeout" => options.limit = Some(seconds(&next()?)?),
            "--header" => {
                let header = next()?;
                let (name, value) = header.split_once(':').ok_or("a header needs a colon")?;
                options
                    .headers
                    .push((name.trim().to_owned(), value.trim().to_owned()));
            }
            "--post-data" => options.data = Some(next()?),
            option if option.starts_with('-') => {
                return Err(format!(
                    "unrecognized option: {}",
                    option.trim_start_matches('-')
                ));
            }
            url => options.url = url.to_owned(),
        }
    }
    if options.url.is_empty() {
        Err("missing URL".to_owned())
    } else {
        Ok(options)
    }
}

fn sink(file: &str) -> Result<Sink, String> {
    match file {
        "-" => Ok(Sink::Console),
        "/dev/null" => Ok(Sink::Nothing),
        file => Err(format!("can't open '{file}': Read-only file system")),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text
        .parse()
        .map_err(|_| format!("invalid number '{text}'"))?;
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Options, String> {
        let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
        parse(&arguments)
    }

    #[test]
    fn everyday_lines_are_understood() {
        for line in [
            "-qO- http://u/",
            "-q -O - http://u/",
            "-q --output-document=- http://u/",
        ] {
            let options = of(line).unwrap();
            assert_eq!(
                (options.output, &*options.url),
                (Sink::Console, "http://u/"),
                "{line}"
            );
        }
        assert_eq!(of("-T 3 u").unwrap().limit, Some(Duration::from_secs(3)));
        assert_eq!(
            of("--header=X-A:b u").unwrap().headers,
            [("X-A".to_owned(), "b".to_owned())]
        );
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert_eq!(of("--foo u"), Err("unrecognized option: foo".to_owned()));
        assert_eq!(
            of("-O x u"),
            Err("can't open 'x': Read-only file system".to_owned())
        );
        assert_eq!(of("-q"), Err("missing URL".to_owned()));
    }
}
