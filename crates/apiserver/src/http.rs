//! The Kubernetes API over HTTP, for every cluster under one secret path segment.
//!
//! ```text
//!  /<secret>/<cluster>/apis/apps/v1/namespaces/shop/deployments/web/scale
//!   └ access ┘└ cluster ┘└────────────────── target ───────────────────┘
//! ```
//!
//! [`access`] lets a request in, [`target`] reads its path, [`Call`] carries what a handler needs,
//! and one function a verb answers it. Handlers are synchronous: only reading a body and following
//! a watch wait for anything.

mod accept;
mod access;
mod admit;
mod apply;
mod authorize;
mod binding;
mod body;
mod change;
mod delete;
mod discovery;
mod draft;
mod eviction;
mod metrics;
mod openapi;
mod options;
mod page;
mod patch;
mod pod;
mod published;
mod read;
mod reply;
mod review;
mod scale;
mod syntax;
mod target;
mod watch;
mod write;

use std::collections::HashMap;
use std::sync::Arc;

use apimachinery::openapi::Words;
use apimachinery::rbac::User;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::admission::Admission;
use crate::kubelet::Kubelet;
use crate::resource::rows;
use crate::status::Status;
use crate::store::{Part, Store};

pub use access::{Access, WeakSecret};
use openapi::Descriptions;
use options::Query;
use target::{Missing, Place, Target};

/// One cluster to be served.
#[derive(Clone)]
pub struct Cluster {
    /// Its objects.
    pub store: Store,
    /// Its say in writes.
    pub admission: Arc<dyn Admission>,
    /// Runs its pods.
    pub kubelet: Arc<dyn Kubelet>,
}

/// The API of all clusters as `/<secret>/<cluster>/…`, described with `words`. Watches end when
/// `shutdown` is cancelled.
pub fn router(
    clusters: impl IntoIterator<Item = (String, Cluster)>,
    access: Access,
    words: Box<dyn Words>,
    shutdown: CancellationToken,
) -> Router {
    let served = |(name, cluster)| (name, Served::new(cluster));
    let server = Server {
        clusters: clusters.into_iter().map(served).collect(),
        access,
        descriptions: Descriptions::new(words),
        shutdown,
    };
    Router::new().fallback(serve).with_state(Arc::new(server))
}

/// Watches open at a time in one cluster: far more than its users need, and few enough that what
/// they hold in memory stays small.
const MAX_WATCHES: usize = 1_000;

struct Served {
    cluster: Cluster,
    /// Room for further watches.
    watches: Arc<Semaphore>,
}

impl Served {
    fn new(cluster: Cluster) -> Self {
        Self {
            cluster,
            watches: Arc::new(Semaphore::new(MAX_WATCHES)),
        }
    }
}

struct Server {
    clusters: HashMap<String, Served>,
    access: Access,
    descriptions: Descriptions,
    shutdown: CancellationToken,
}

/// What a handler knows of a request.
struct Call<'a> {
    cluster: &'a Cluster,
    descriptions: &'a Descriptions,
    user: User,
    watches: &'a Arc<Semaphore>,
    shutdown: &'a CancellationToken,
    query: Query,
    headers: &'a HeaderMap,
    body: Bytes,
}

impl Call<'_> {
    fn header(&self, name: http::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The media type of the body without parameters, in lower case.
    fn media_type(&self) -> Option<String> {
        let text = self.header(CONTENT_TYPE)?.split(';').next()?.trim();
        (!text.is_empty()).then(|| text.to_ascii_lowercase())
    }
}

async fn serve(State(server): State<Arc<Server>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if let Err(refusal) = server.access.check(&parts) {
        return reply::refusal(&refusal);
    }
    let entered = server.access.enter(parts.uri.path());
    let Some((served, path)) =
        entered.and_then(|(name, path)| Some((server.clusters.get(name)?, path)))
    else {
        return reply::page_not_found();
    };
    let answer = answer(&server, served, &parts, path, body).await;
    let answer = answer.unwrap_or_else(|status| reply::refusal(&status));
    tracing::debug!(method = %parts.method, path, status = answer.status().as_u16(), "answered");
    answer
}

async fn answer(
    server: &Server,
    served: &Served,
    parts: &Parts,
    path: &str,
    body: axum::body::Body,
) -> Result<Response, Status> {
    let target = match target::parse(path) {
        Ok(target) => target,
        Err(Missing::Page) => return Ok(reply::page_not_found()),
        Err(Missing::Resource) => return Err(Status::no_such_resource()),
    };
    let user = authorize::user(&parts.headers)?;
    authorize::check(&served.cluster.store, &user, parts, &target, path)?;
    let answer = authorized(server, served, parts, user, &target, body).await;
    let answer = answer.unwrap_or_else(|status| reply::refusal(&status));
    let of_kind = |place: &Place| place.resource.warning(place.version);
    let warning = target.place().and_then(of_kind);
    Ok(reply::with_warnings(answer, warning.as_slice()))
}

/// The answer to who may have it.
async fn authorized(
    server: &Server,
    served: &Served,
    parts: &Parts,
    user: User,
    target: &Target,
    body: axum::body::Body,
) -> Result<Response, Status> {
    if let Target::Subresource(place, name, subresource) = target {
        let call = pod::Call {
            cluster: &served.cluster,
            shutdown: &server.shutdown,
            query: Query::of(&parts.uri),
            parts,
        };
        if let Some(answer) = pod::serve(&call, place, name, subresource).await {
            return answer;
        }
    }
    let body = if parts.method == Method::GET {
        Bytes::new()
    } else {
        body::read(body).await?
    };
    let query = Query::of(&parts.uri);
    let call = Call {
        cluster: &served.cluster,
        descriptions: &server.descriptions,
        user,
        watches: &served.watches,
        shutdown: &server.shutdown,
        query,
        headers: &parts.headers,
        body,
    };
    dispatch(&call, &parts.method, target)
}

fn dispatch(call: &Call<'_>, method: &Method, target: &Target) -> Result<Response, Status> {
    match target {
        Target::Collection(place) => collection(call, method, place),
        Target::Object(place, name) => object(call, method, place, name),
        Target::Watch(place, name) => match *method {
            Method::GET => read::watch(call, place, name.as_deref()),
            _ => Err(Status::method_not_allowed()),
        },
        Target::Subresource(place, name, subresource) => {
            let part = match subresource.as_str() {
                "status" if place.resource.status => Part::Status,
                "finalize" if place.resource.finalize => Part::Finalizers,
                "binding" if place.resource.has_action("binding") => {
                    return binding::of_pod(call, method, place, name);
                }
                "eviction" if place.resource.has_action("eviction") => {
                    return eviction::serve(call, method, place, name);
                }
                "scale" if place.resource.scale => return scale::serve(call, method, place, name),
                _ => return Err(Status::no_such_resource()),
            };
            part_of_object(call, method, place, name, part)
        }
        fixed if method == Method::GET => Ok(discovery::document(call, fixed)),
        _ => Err(Status::method_not_allowed()),
    }
}

fn collection(call: &Call<'_>, method: &Method, place: &Place) -> Result<Response, Status> {
    // Kubernetes: the path over all namespaces can only be read.
    let writable = !place.resource.namespaced || place.namespace.is_some();
    let may = |verb| place.resource.allows(verb);
    match *method {
        Method::GET if place.resource.measured => metrics::list(call, place),
        Method::GET if may("list") => read::list_or_watch(call, place),
        Method::POST if writable && may("create") => match review::serve(call, place) {
            Some(answer) => answer,
            None if *place.resource == rows::BINDINGS => binding::create(call, place),
            None => write::create(call, place),
        },
        Method::DELETE if writable && may("deletecollection") => delete::collection(call, place),
        _ => Err(Status::method_not_allowed()),
    }
}

fn object(call: &Call<'_>, method: &Method, place: &Place, name: &str) -> Result<Response, Status> {
    let may = |verb| place.resource.allows(verb);
    match *method {
        // A kind that is never stored has no objects.
        _ if !may("get") => Err(Status::no_such_resource()),
        Method::GET if place.resource.measured => metrics::get(call, place, name),
        Method::DELETE if may("delete") => delete::object(call, place, name),
        _ => part_of_object(call, method, place, name, Part::Main),
    }
}

fn part_of_object(
    call: &Call<'_>,
    method: &Method,
    place: &Place,
    name: &str,
    part: Part,
) -> Result<Response, Status> {
    let may = |verb| place.resource.allows(verb);
    match *method {
        Method::GET if part != Part::Finalizers => read::get(call, place, name),
        Method::PUT if may("update") => write::replace(call, place, name, part),
        Method::PATCH if part != Part::Finalizers && may("patch") => {
            match call.media_type().as_deref() {
                Some(patch::APPLY) => apply::serve(call, place, name, part),
                _ => write::patch(call, place, name, part),
            }
        }
        _ => Err(Status::method_not_allowed()),
    }
}
