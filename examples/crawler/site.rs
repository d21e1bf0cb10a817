//! A small site to be crawled: forty pages that link to each other, some slow, some busy at first, one that
//! is not there.

use std::collections::HashSet;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use orchestration::ErrGroup;
use runtime::TokioRuntime;
use tokio::net::TcpListener;

const PAGES: usize = 40;

/// Ends with its connections when it is dropped.
pub(crate) struct Site {
    _tasks: ErrGroup<TokioRuntime, (), Infallible>,
}

/// Serves the site on a port of this machine, and gives its address.
pub(crate) async fn serve() -> io::Result<(Uri, Site)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/0", listener.local_addr()?)
        .parse()
        .map_err(io::Error::other)?;
    let tasks = ErrGroup::new(TokioRuntime::current());
    let connections = tasks.handle();
    let busy = Arc::new(Mutex::new(HashSet::new()));
    let accepts = async move {
        while let Ok((stream, _)) = listener.accept().await {
            let busy = Arc::clone(&busy);
            let service = service_fn(move |request| page(request, Arc::clone(&busy)));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            let connection = async move {
                // A client that goes away is no fault of the site.
                let _ = connection.await;
                Ok(())
            };
            if connections.spawn(connection).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    // It has just been made, so it has not stopped.
    let _ = tasks.spawn(accepts).await;
    Ok((url, Site { _tasks: tasks }))
}

async fn page(
    request: Request<Incoming>,
    busy: Arc<Mutex<HashSet<usize>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let number = request.uri().path()[1..].parse().ok();
    let number = number.filter(|number: &usize| *number < PAGES);
    let Some(number) = number else {
        return Ok(answer(StatusCode::NOT_FOUND, String::new()));
    };
    if number % 7 == 3 {
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let first = busy
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(number);
    if number % 5 == 2 && first {
        return Ok(answer(StatusCode::SERVICE_UNAVAILABLE, String::new()));
    }
    let links = [2 * number + 1, 2 * number + 2, number / 2, 0];
    let links = links.map(|link| format!("<a href=\"/{link}\">{link}</a>"));
    Ok(answer(StatusCode::OK, links.join(" ")))
}

fn answer(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response
}
