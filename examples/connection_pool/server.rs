//! A server of lines, on a port of its own, that counts its connections.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the server has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    now: AtomicUsize,
    all: AtomicUsize,
}

impl Seen {
    /// All connections.
    pub(crate) fn all(&self) -> usize {
        self.all.load(SeqCst)
    }

    /// Waits until nobody is connected.
    pub(crate) async fn none_left(&self) {
        while self.now.load(SeqCst) != 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Serves until the program ends.
pub(crate) async fn start() -> io::Result<(SocketAddr, Arc<Seen>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let (address, seen) = (listener.local_addr()?, Arc::new(Seen::default()));
    let counts = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = Arc::clone(&counts);
            tokio::spawn(async move {
                // (A client that goes away is no news.)
                let _ = serve(stream, &seen).await;
            });
        }
    });
    Ok((address, seen))
}

/// Counts one connection, until it is dropped.
struct Connected<'a>(&'a Seen);

impl<'a> Connected<'a> {
    fn new(seen: &'a Seen) -> Self {
        seen.now.fetch_add(1, SeqCst);
        seen.all.fetch_add(1, SeqCst);
        Connected(seen)
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, SeqCst);
    }
}

async fn serve(mut stream: TcpStream, seen: &Seen) -> io::Result<()> {
    let _connected = Connected::new(seen);
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        let answer = match line.split_once(' ') {
            None if line == "ping" => "pong\n".to_owned(),
            Some(("square", n)) => match n.parse::<u64>().ok().and_then(|n| n.checked_mul(n)) {
                Some(square) => format!("{square}\n"),
                None => "no number\n".to_owned(),
            },
            _ => break, // `crash`, and whatever else it does not know
        };
        // A server that has something to do.
        tokio::time::sleep(Duration::from_millis(1)).await;
        write.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}
