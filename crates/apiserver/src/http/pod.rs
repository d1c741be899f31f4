//! What the pod's kubelet answers: `log`, `exec`, `attach`, `portforward`.
//!
//! ```text
//!  kubectl ── GET …/log ───────────────── text ───────────────► logs
//!          ── GET, WebSocket v5 ───────┐
//!          ── POST, Upgrade: SPDY/3.1 ─┴─ channels ───────────► exec (attach)
//!          ── GET, WebSocket with SPDY in it, or POST as above ► port_forward
//! ```

mod exec;
mod logs;
mod port_forward;
mod upgrade;

use axum::response::Response;
use http::Method;
use http::request::Parts;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Cluster;
use super::options::Query;
use super::target::Place;
use crate::object;
use crate::status::Status;

/// A request about one pod that its kubelet answers.
pub(super) struct Call<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) shutdown: &'a CancellationToken,
    pub(super) query: Query,
    pub(super) parts: &'a Parts,
}

/// Answers; none where the subresource is none of these.
pub(super) async fn serve(
    call: &Call<'_>,
    place: &Place,
    name: &str,
    subresource: &str,
) -> Option<Result<Response, Status>> {
    let known = place
        .resource
        .actions
        .iter()
        .any(|it| it.name == subresource);
    if !known || !["log", "exec", "attach", "portforward"].contains(&subresource) {
        return None;
    }
    let method = &call.parts.method;
    let upgrades = *method == Method::GET || *method == Method::POST;
    let pod = match call.cluster.store.get(&place.key(name)) {
        Ok(pod) => pod,
        Err(error) => return Some(Err(error.into())),
    };
    Some(match subresource {
        "log" if *method == Method::GET => logs::serve(call, &pod),
        "exec" if upgrades => exec::serve(call, &pod, exec::Action::Exec).await,
        "attach" if upgrades => exec::serve(call, &pod, exec::Action::Attach).await,
        "portforward" if upgrades => port_forward::serve(call, &pod).await,
        _ => Err(Status::method_not_allowed()),
    })
}

/// The container that is meant: the only one where none is named.
fn container<'a>(pod: &'a Value, named: Option<&str>) -> Result<&'a str, Status> {
    let name = object::name(pod);
    let of = |list: &str| object::at(pod, &["spec", list]).and_then(Value::as_array);
    let names_of = |list: &str| {
        let containers = of(list).into_iter().flatten();
        containers
            .map(|container| object::text(container, &["name"]))
            .collect::<Vec<_>>()
    };
    let mut all = names_of("initContainers");
    let main = names_of("containers");
    all.extend(&main);
    all.extend(names_of("ephemeralContainers"));
    match (named.filter(|named| !named.is_empty()), main.as_slice()) {
        (Some(named), _) => all
            .into_iter()
            .find(|known| *known == named)
            .ok_or_else(|| {
                Status::bad_request(format!("container {named} is not valid for pod {name}"))
            }),
        (None, [only]) => Ok(only),
        (None, _) => Err(Status::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            all.join(" ")
        ))),
    }
}

/// Kubernetes: a pod without a node has no kubelet to ask.
fn check_host(pod: &Value) -> Result<(), Status> {
    if is_bound(pod) {
        Ok(())
    } else {
        let name = object::name(pod);
        Err(Status::bad_request(format!(
            "pod {name} does not have a host assigned"
        )))
    }
}

fn is_bound(pod: &Value) -> bool {
    !object::text(pod, &["spec", "nodeName"]).is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_container_is_named_unless_there_is_only_one() {
        let one = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}]}});
        let two = json!({"metadata": {"name": "p"}, "spec": {
            "initContainers": [{"name": "i"}], "containers": [{"name": "a"}, {"name": "b"}],
        }});
        let rows = [
            (&one, None, Ok("a")),
            (&one, Some(""), Ok("a")),
            (&one, Some("x"), Err("container x is not valid for pod p")),
            (&two, Some("b"), Ok("b")),
            (&two, Some("i"), Ok("i")),
            (
                &two,
                None,
                Err("a container name must be specified for pod p, choose one of: [i a b]"),
            ),
        ];
        for (pod, named, expected) in rows {
            let found = container(pod, named);
            let found = found.as_ref().map(|name| *name).map_err(Status::message);
            assert_eq!(found, expected, "{named:?}");
        }
    }
}
