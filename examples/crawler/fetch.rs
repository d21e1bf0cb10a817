//! One page over HTTP, and the links in it.

use std::fmt;
use std::io;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The most that is read of a page.
const MOST: usize = 1 << 20;

/// A page, as far as the crawl is concerned.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) url: Uri,
    pub(crate) bytes: usize,
    /// On the same host.
    pub(crate) links: Vec<Uri>,
}

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum FetchError {
    Address(&'static str),
    Connect(io::Error),
    Http(hyper::Error),
    Body(Box<dyn std::error::Error + Send + Sync>),
    Status(StatusCode),
}

impl FetchError {
    /// Whether it is worth another attempt.
    pub(crate) fn may_go_away(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Http(_) => true,
            Self::Status(status) => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Address(_) | Self::Body(_) => false,
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(what) => f.write_str(what),
            Self::Connect(error) => write!(f, "no connection: {error}"),
            Self::Http(error) => error.fmt(f),
            Self::Body(error) => error.fmt(f),
            Self::Status(status) => status.fmt(f),
        }
    }
}

impl std::error::Error for FetchError {}

/// Gets a page.
pub(crate) async fn fetch(url: &Uri) -> Result<Page, FetchError> {
    if url.scheme_str() != Some("http") {
        return Err(FetchError::Address("only http:// is spoken here"));
    }
    let authority = url.authority().ok_or(FetchError::Address("no host"))?;
    let address = (authority.host(), authority.port_u16().unwrap_or(80));
    let stream = TcpStream::connect(address)
        .await
        .map_err(FetchError::Connect)?;
    let (mut requests, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(FetchError::Http)?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(header::HOST, authority.as_str())
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|_| FetchError::Address("no such address"))?;
    let answer = async {
        let response = requests
            .send_request(request)
            .await
            .map_err(FetchError::Http)?;
        if !response.status().is_success() {
            return Err(FetchError::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), MOST).collect();
        Ok(body.await.map_err(FetchError::Body)?.to_bytes())
    };
    // The connection lives as long as the answer takes: both in this task, so nothing is left behind.
    let answer = std::pin::pin!(answer);
    let connection = std::pin::pin!(connection);
    let body = match futures_util::future::select(answer, connection).await {
        futures_util::future::Either::Left((body, _)) => body?,
        futures_util::future::Either::Right((ended, answer)) => {
            ended.map_err(FetchError::Http)?;
            answer.await?
        }
    };
    let text = String::from_utf8_lossy(&body);
    Ok(Page {
        url: url.clone(),
        bytes: body.len(),
        links: links(url, &text),
    })
}

/// The addresses in `href="..."` that are on the same host. (A parser of HTML would see more.)
fn links(base: &Uri, text: &str) -> Vec<Uri> {
    let authority = base.authority().map_or("", |authority| authority.as_str());
    text.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter_map(|link| link.split('#').next())
        .filter_map(|link| match link.strip_prefix('/') {
            Some(path) => format!("http://{authority}/{path}").parse().ok(),
            None => link.parse().ok(),
        })
        .filter(|link: &Uri| link.authority() == base.authority())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_this_host() {
        let base: Uri = "http://here:1/a".parse().unwrap();
        let text = r#"<a href="/b">, <a href="http://here:1/c#part">, <a href="http://there/d">, <a href="">"#;
        let found: Vec<String> = links(&base, text).iter().map(Uri::to_string).collect();
        assert_eq!(found, ["http://here:1/b", "http://here:1/c"]);
    }
}
