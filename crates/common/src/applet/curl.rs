//! `curl`, with the options of everyday use.

mod options;

use std::fmt::Write;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};

use super::Console;
use super::http::{Answer, Failure, address, send};
use crate::outbound::Resolve;
use options::{Options, Sink};

const VERSION: &str = "curl 8.17.0 (applet) http/1.1\nProtocols: http\n";

/// curl's own numbers of what went wrong.
mod code {
    pub(super) const PROTOCOL: i32 = 1;
    pub(super) const ADDRESS: i32 = 3;
    pub(super) const RESOLVE: i32 = 6;
    pub(super) const CONNECT: i32 = 7;
    pub(super) const REFUSED_STATUS: i32 = 22;
    pub(super) const TIMEOUT: i32 = 28;
    pub(super) const EMPTY: i32 = 52;
    pub(super) const BROKEN: i32 = 56;
}

/// What `-w` can tell.
#[derive(Default)]
struct Told {
    status: u16,
    bytes: u64,
    took: Duration,
    peer: String,
}

pub(super) async fn run(arguments: &[String], console: &mut Console, resolve: &dyn Resolve) -> i32 {
    let mut options = match options::parse(arguments) {
        Ok(options) => options,
        Err(complaint) => {
            let hint = "curl: try 'curl --help' or 'curl --manual' for more information\n";
            console.err(format!("curl: {complaint}\n{hint}")).await;
            return 2;
        }
    };
    if options.version {
        console.out(VERSION).await;
        return 0;
    }
    if options.data.as_deref() == Some("@-") {
        options.data = Some(String::from_utf8_lossy(&console.all_input().await).into_owned());
    }
    let mut last = 0;
    for url in &options.urls {
        last = one(url, &options, console, resolve).await;
    }
    last
}

async fn one(url: &str, options: &Options, console: &Console, resolve: &dyn Resolve) -> i32 {
    let mut told = Told::default();
    let began = Instant::now();
    let transfer = transfer(url, options, console, resolve, &mut told);
    let outcome = match options.limit {
        Some(limit) => match tokio::time::timeout(limit, transfer).await {
            Ok(outcome) => outcome,
            Err(_) => Err((code::TIMEOUT, String::new())),
        },
        None => transfer.await,
    };
    told.took = began.elapsed();
    let outcome = outcome.map_err(|(number, text)| match number {
        code::TIMEOUT => {
            let (took, bytes) = (told.took.as_millis(), told.bytes);
            (
                number,
                format!(
                    "Operation timed out after {took} milliseconds with {bytes} bytes received"
                ),
            )
        }
        _ => (number, text),
    });
    if let Some(format) = &options.write_out {
        console.out(written_out(format, &told)).await;
    }
    match outcome {
        Ok(()) => 0,
        Err((number, text)) => {
            if !options.silent || options.show_error {
                console.err(format!("curl: ({number}) {text}\n")).await;
            }
            number
        }
    }
}

async fn transfer(
    url: &str,
    options: &Options,
    console: &Console,
    resolve: &dyn Resolve,
    told: &mut Told,
) -> Result<(), (i32, String)> {
    let request = request(url, options).map_err(explain)?;
    if options.verbose {
        console.err(lines_of_request(&request)).await;
    }
    let mut answer = send(request, resolve).await.map_err(explain)?;
    let status = answer.response.status();
    told.status = status.as_u16();
    told.peer = answer.peer.to_string();
    if options.verbose {
        console.err(lines_of_answer(&answer, "< ")).await;
    }
    if options.fail && status.as_u16() >= 400 {
        let text = format!("The requested URL returned error: {}", status.as_u16());
        return Err((code::REFUSED_STATUS, text));
    }
    if options.head || options.include {
        show(options, console, lines_of_answer(&answer, "").into()).await;
    }
    while let Some(frame) = answer.response.body_mut().frame().await {
        let frame = frame.map_err(|error| (code::BROKEN, format!("Recv failure: {error}")))?;
        if let Ok(bytes) = frame.into_data() {
            told.bytes += bytes.len() as u64;
            show(options, console, bytes).await;
        }
    }
    Ok(())
}

async fn show(options: &Options, console: &Console, bytes: Bytes) {
    if options.output == Sink::Console {
        console.out(bytes).await;
    }
}

fn request(url: &str, options: &Options) -> Result<Request<Full<Bytes>>, Failure> {
    let method = match (&options.method, options.head, &options.data) {
        (Some(method), _, _) => method.as_str(),
        (None, true, _) => "HEAD",
        (None, false, Some(_)) => "POST",
        (None, false, None) => "GET",
    };
    let wrong = |what: &str| Failure::Broken(format!("{what} cannot be sent"));
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| wrong("this method"))?;
    let mut request = Request::builder().method(method).uri(address(url)?);
    let given = |name: &str| {
        options
            .headers
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    for (name, value) in [("user-agent", "curl/8.17.0"), ("accept", "*/*")] {
        if !given(name) {
            request = request.header(name, value);
        }
    }
    if options.data.is_some() && !given("content-type") {
        request = request.header("content-type", "application/x-www-form-urlencoded");
    }
    for (name, value) in options
        .headers
        .iter()
        .filter(|(_, value)| !value.is_empty())
    {
        request = request.header(name, value);
    }
    let body = Full::from(options.data.clone().unwrap_or_default());
    request.body(body).map_err(|_| wrong("a header"))
}

fn explain(failure: Failure) -> (i32, String) {
    match failure {
        Failure::Address(why) if why.starts_with("Protocol") => (code::PROTOCOL, why),
        Failure::Address(why) => (code::ADDRESS, why),
        Failure::Unknown(host) => (code::RESOLVE, format!("Could not resolve host: {host}")),
        Failure::Refused(host, port) => (
            code::CONNECT,
            format!(
                "Failed to connect to {host} port {port} after 0 ms: Could not connect to server"
            ),
        ),
        Failure::Empty => (code::EMPTY, "Empty reply from server".to_owned()),
        Failure::Broken(why) => (code::BROKEN, format!("Recv failure: {why}")),
    }
}

fn lines_of_request(request: &Request<Full<Bytes>>) -> String {
    let uri = request.uri();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or("", |it| it.as_str());
    let mut lines = format!("> {} {path} HTTP/1.1\r\n", request.method());
    if !request.headers().contains_key("host") {
        let _ = write!(lines, "> Host: {host}\r\n");
    }
    for (name, value) in request.headers() {
        let _ = write!(
            lines,
            "> {name}: {}\r\n",
            String::from_utf8_lossy(value.as_bytes())
        );
    }
    lines + "> \r\n"
}

fn lines_of_answer(answer: &Answer, prefix: &str) -> String {
    let status = answer.response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut lines = format!(
        "{prefix}{:?} {} {reason}\r\n",
        answer.response.version(),
        status.as_u16()
    );
    for (name, value) in answer.response.headers() {
        let _ = write!(
            lines,
            "{prefix}{name}: {}\r\n",
            String::from_utf8_lossy(value.as_bytes())
        );
    }
    lines + prefix + "\r\n"
}

fn written_out(format: &str, told: &Told) -> String {
    let status = format!("{:03}", told.status);
    let peer = told.peer.rsplit_once(':').unwrap_or_default();
    let rows = [
        ("%{http_code}", status.clone()),
        ("%{response_code}", status),
        ("%{size_download}", told.bytes.to_string()),
        ("%{time_total}", format!("{:.6}", told.took.as_secs_f64())),
        ("%{remote_ip}", peer.0.to_owned()),
        ("%{remote_port}", peer.1.to_owned()),
        ("\\n", "\n".to_owned()),
        ("\\t", "\t".to_owned()),
    ];
    let replace = |text: String, (name, value): &(&str, String)| text.replace(name, value);
    rows.iter().fold(format.to_owned(), replace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_tells_what_happened() {
        let told = Told {
            status: 503,
            bytes: 121,
            took: Duration::from_millis(1500),
            peer: "10.96.0.1:80".to_owned(),
        };
        let format = "%{http_code} %{size_download} %{time_total} %{remote_ip}\\n";
        assert_eq!(written_out(format, &told), "503 121 1.500000 10.96.0.1\n");
        assert_eq!(written_out("%{http_code}", &Told::default()), "000");
    }

    #[test]
    fn a_request_is_what_the_options_say() {
        let arguments = [
            "-H",
            "X-A: b",
            "-H",
            "User-Agent: me",
            "-d",
            "k=v",
            "http://users:8081/x?y",
        ];
        let options = options::parse(&arguments.map(str::to_owned)).unwrap();
        let request = request(&options.urls[0], &options).unwrap();
        assert_eq!(request.method(), "POST");
        assert_eq!(request.headers()["x-a"], "b");
        assert_eq!(request.headers()["user-agent"], "me");
        assert_eq!(request.uri().authority().unwrap(), "users:8081");
    }

    #[test]
    fn failures_have_curls_numbers() {
        let of = |text: &str| explain(address(text).unwrap_err()).0;
        assert_eq!(
            (of("https://x"), of("http://")),
            (code::PROTOCOL, code::ADDRESS)
        );
    }
}
