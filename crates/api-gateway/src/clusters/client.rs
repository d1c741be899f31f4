//! kube's client over our own resolver.
//!
//! kube's builder connects through the C library's resolver, which needs modules that an image
//! from scratch does not have, and offers no place for another. So the connector is built here,
//! from kube's own layers: TLS, credentials, headers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec::IntoIter;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::outbound::Resolve;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Uri};
use hyper::rt::{Read, Write};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::{Client, Config};
use percent_encoding::percent_decode_str;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

/// A client of the API that `config` names, through its proxy where it names one.
pub(super) fn client(config: &Config, resolve: Arc<dyn Resolve>) -> kube::Result<Client> {
    let mut connector = HttpConnector::new_with_resolver(Names(resolve));
    connector.enforce_http(false);
    let Some(proxy) = &config.proxy_url else {
        return over(connector, config);
    };
    match proxy.scheme_str() {
        Some("http") => over(tunnel(proxy, connector), config),
        Some("https") => {
            let connector = config.rustls_https_connector_with_connector(connector)?;
            over(tunnel(proxy, connector), config)
        }
        _ => Err(kube::Error::ProxyProtocolUnsupported {
            proxy_url: Box::new(proxy.clone()),
        }),
    }
}

fn over<C>(connector: C, config: &Config) -> kube::Result<Client>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: std::error::Error + Send + Sync + 'static,
{
    // TLS is not even set up for plain HTTP: it wants a list of certificate authorities, which an
    // image from scratch does not have.
    match config.cluster_url.scheme_str() {
        Some("http") => layered(connector, config),
        _ => layered(
            config.rustls_https_connector_with_connector(connector)?,
            config,
        ),
    }
}

fn layered<C>(connector: C, config: &Config) -> kube::Result<Client>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let mut connector = TimeoutConnector::new(connector);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let transport = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(transport);
    Ok(ClientBuilder::new(service.boxed(), &config.default_namespace).build())
}

fn tunnel<C>(proxy: &Uri, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.clone(), connector);
    match credentials(proxy) {
        Some(credentials) => tunnel.with_auth(credentials),
        None => tunnel,
    }
}

/// RFC 7617, from `user:password@` of the proxy's URL.
fn credentials(proxy: &Uri) -> Option<HeaderValue> {
    let (user, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    let user: Vec<u8> = percent_decode_str(user).collect();
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(user))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// [`Resolve`] as hyper asks for names.
#[derive(Clone)]
struct Names(Arc<dyn Resolve>);

impl Service<Name> for Names {
    type Response = IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolve = Arc::clone(&self.0);
        // hyper puts the port in.
        Box::pin(async move { Ok(resolve.resolve(name.as_str(), 0).await?.into_iter()) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::Router;
    use axum::http::HeaderMap;
    use common::outbound::Resolving;
    use tokio::net::TcpListener;

    use super::*;

    /// Leads every name to this machine, and notes it.
    #[derive(Default)]
    struct Here(Mutex<Vec<String>>);

    impl Resolve for Here {
        fn resolve<'a>(&'a self, name: &'a str, port: u16) -> Resolving<'a> {
            self.0.lock().unwrap().push(name.to_owned());
            let here = SocketAddr::from(([127, 0, 0, 1], port));
            Box::pin(std::future::ready(Ok(vec![here])))
        }
    }

    async fn api() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let echo = async |headers: HeaderMap| headers["host"].to_str().unwrap().to_owned();
        let app = Router::new().fallback(echo);
        tokio::spawn(axum::serve(listener, app).into_future());
        port
    }

    #[tokio::test]
    async fn names_of_apis_are_asked_of_our_resolver_and_stay_in_the_request() {
        let here = Arc::new(Here::default());
        let name = format!("api.example.com:{}", api().await);
        let config = Config::new(format!("http://{name}").parse().unwrap());
        let client = client(&config, here.clone()).unwrap();
        let request = http::Request::get("/version").body(Vec::new()).unwrap();
        assert_eq!(client.request_text(request).await.unwrap(), name);
        assert_eq!(*here.0.lock().unwrap(), ["api.example.com"]);
    }

    #[tokio::test]
    async fn behind_a_proxy_only_its_own_name_is_asked_for() {
        let here = Arc::new(Here::default());
        let mut config = Config::new("http://api.example.com".parse().unwrap());
        config.proxy_url = format!("http://proxy.example.com:{}", api().await)
            .parse()
            .ok();
        let client = client(&config, here.clone()).unwrap();
        let request = http::Request::get("/version").body(Vec::new()).unwrap();
        let _refused = client.request_text(request).await;
        assert_eq!(*here.0.lock().unwrap(), ["proxy.example.com"]);
    }

    #[test]
    fn a_proxy_of_another_kind_is_refused() {
        let mut config = Config::new("http://api.example.com".parse().unwrap());
        config.proxy_url = "socks5://proxy".parse().ok();
        assert!(client(&config, Arc::new(Here::default())).is_err());
    }

    #[test]
    fn credentials_of_a_proxy_are_decoded_before_they_are_encoded() {
        for (url, expected) in [
            ("http://proxy:3128", None),
            ("http://user:pass@proxy:3128", Some("Basic dXNlcjpwYXNz")),
            ("http://user:p%40ss@proxy:3128", Some("Basic dXNlcjpwQHNz")),
        ] {
            let found = credentials(&url.parse().unwrap());
            let expected = expected.map(HeaderValue::from_static);
            assert_eq!(found, expected, "{url}");
        }
    }
}
