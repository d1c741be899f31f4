//! Statistics as Prometheus reads them, with Istio's tags as labels.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::stat::{Kind, Scope, Stat};

/// Every statistic, by metric. Envoy: counters come first, and names without their tags are in order.
pub(super) fn render(stats: &[Stat]) -> String {
    let mut families: BTreeMap<(Kind, String), Vec<String>> = BTreeMap::new();
    for stat in stats {
        let (name, answer) = untagged(&stat.name);
        let labels = labels(&stat.scope, answer);
        let family = families.entry((stat.kind, format!("{}{name}", stat.scope.family())));
        let line = format!("{{{labels}}} {}", stat.value);
        family.or_default().push(line);
    }
    let mut text = String::new();
    for ((kind, name), lines) in families {
        let name = metric(&name);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# TYPE {name} {}", kind.name());
        for line in lines {
            let _ = writeln!(text, "{name}{line}");
        }
    }
    text
}

fn metric(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = name.chars().map(plain).collect();
    format!("envoy_{name}")
}

/// Envoy: a name that is made up while it runs has its own tags last.
fn labels(scope: &Scope, answer: Option<(&str, &str)>) -> String {
    let (first, last) = match scope {
        Scope::Cluster(_) => (scope.tag(), answer),
        Scope::Http(_) | Scope::Server => (answer, scope.tag()),
    };
    let labels = first
        .into_iter()
        .chain(last)
        .map(|(tag, value)| format!("{tag}=\"{}\"", escaped(value)));
    labels.collect::<Vec<_>>().join(",")
}

/// Istio's tags `response_code` and `response_code_class`: `…_rq_503`, `…_rq_5xx`.
fn untagged(name: &str) -> (&str, Option<(&'static str, &str)>) {
    let Some((before, last)) = name.rsplit_once('_') else {
        return (name, None);
    };
    let tag = match last.as_bytes() {
        [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'] => "response_code",
        [b'0'..=b'9', b'x', b'x'] => "response_code_class",
        _ => return (name, None),
    };
    if before.ends_with("_rq") {
        (before, Some((tag, last)))
    } else {
        (name, None)
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(scope: Scope, name: &str, kind: Kind, value: u64) -> Stat {
        Stat {
            scope,
            name: name.into(),
            kind,
            value,
            used: true,
        }
    }

    #[test]
    fn istios_tags_are_labels_and_statistics_of_one_name_are_one_metric() {
        let cluster = || Scope::Cluster("outbound|80||u.t".into());
        let stats = [
            stat(cluster(), "upstream_rq_503", Kind::Counter, 2),
            stat(cluster(), "upstream_rq_200", Kind::Counter, 5),
            stat(cluster(), "upstream_rq_2xx", Kind::Counter, 5),
            stat(
                cluster(),
                "circuit_breakers.default.cx_open",
                Kind::Gauge,
                1,
            ),
            stat(Scope::Server, "server.uptime", Kind::Gauge, 9),
        ];
        let expected = "\
# TYPE envoy_cluster_upstream_rq counter
envoy_cluster_upstream_rq{cluster_name=\"outbound|80||u.t\",response_code=\"503\"} 2
envoy_cluster_upstream_rq{cluster_name=\"outbound|80||u.t\",response_code=\"200\"} 5
envoy_cluster_upstream_rq{cluster_name=\"outbound|80||u.t\",response_code_class=\"2xx\"} 5
# TYPE envoy_cluster_circuit_breakers_default_cx_open gauge
envoy_cluster_circuit_breakers_default_cx_open{cluster_name=\"outbound|80||u.t\"} 1
# TYPE envoy_server_uptime gauge
envoy_server_uptime{} 9
";
        assert_eq!(render(&stats), expected);
    }
}
