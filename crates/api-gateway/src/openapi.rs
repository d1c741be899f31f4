//! The API document (OpenAPI 3.1): the gateway's own answers, and where the services' lie.

use common::problem::Problem;
use common::records::{json_answer, operation, problem_answer};
use utoipa::ToSchema;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{
    ComponentsBuilder, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder,
    RefOr, Response, Schema,
};

use crate::NAME;
use crate::reports::{DeploymentStatus, Topology, TrafficHistory};
use crate::rules::Weights;
use crate::theater::Service;

/// The document.
pub fn document() -> OpenApi {
    let get = |operation| PathItem::new(HttpMethod::Get, operation);
    let mut paths = PathsBuilder::new()
        .path("/", get(plain("The dashboard", "A page")))
        .path("/events", get(event_stream()))
        .path("/traffic-weights", get(weights()))
        .path("/traffic-history", get(history()))
        .path("/deployment-status", get(deployment_status()))
        .path("/topology", get(topology()));
    for service in Service::ALL {
        paths = paths.path(format!("{}/", service.path()), get(forwarded(service)));
    }
    let components = ComponentsBuilder::new().schemas_from_iter(schemas());
    let info = InfoBuilder::new()
        .title(NAME)
        .version(env!("CARGO_PKG_VERSION"));
    OpenApiBuilder::new()
        .info(info.build())
        .paths(paths)
        .components(Some(components.build()))
        .build()
}

/// Every shape an answer has, with the shapes it is made of.
fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let mut all = Vec::new();
    with_parts::<Weights>(&mut all);
    with_parts::<TrafficHistory>(&mut all);
    with_parts::<DeploymentStatus>(&mut all);
    with_parts::<Topology>(&mut all);
    with_parts::<Problem>(&mut all);
    all
}

fn with_parts<T: ToSchema>(all: &mut Vec<(String, RefOr<Schema>)>) {
    all.push((T::name().into_owned(), T::schema()));
    T::schemas(all);
}

fn plain(summary: &str, answer: &str) -> Operation {
    operation(summary.to_owned())
        .response("200", Response::new(answer))
        .build()
}

fn event_stream() -> Operation {
    operation("Follow the dashboard's events: hello, answers, mesh, breaker, pods, gap".to_owned())
        .response(
            "200",
            Response::new("text/event-stream; Last-Event-ID replays what was missed"),
        )
        .response("503", problem_answer("Too many viewers"))
        .build()
}

fn weights() -> Operation {
    operation("The configured shares, from the effective VirtualServices".to_owned())
        .response(
            "200",
            json_answer::<Weights>("Six figures, and where they come from"),
        )
        .build()
}

fn history() -> Operation {
    operation("The clusters of the last 100 answers of each service".to_owned())
        .response("200", json_answer::<TrafficHistory>("Oldest first"))
        .build()
}

fn deployment_status() -> Operation {
    operation("Deployments and pods of both clusters".to_owned())
        .response(
            "200",
            json_answer::<DeploymentStatus>("As watched; unknown is told as unknown"),
        )
        .build()
}

fn topology() -> Operation {
    operation("Nodes, deployments and pods of both clusters".to_owned())
        .response(
            "200",
            json_answer::<Topology>("As watched; unknown is told as unknown"),
        )
        .build()
}

fn forwarded(service: Service) -> Operation {
    let summary = format!(
        "Everything below {} goes to the {} unchanged; see its own document",
        service.path(),
        service.name()
    );
    operation(summary)
        .response(
            "default",
            Response::new("The service's answer, or its mesh's"),
        )
        .response("502", problem_answer("The service cannot be reached"))
        .response("504", problem_answer("The service does not answer"))
        .build()
}
