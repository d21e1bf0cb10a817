//! What the pool has to know about connections, and what a request does with one.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use async_sync::resource_pool::{Manager, Usage};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

/// A connection, between two requests: nothing is on its way in either direction.
pub(crate) type Connection = BufStream<TcpStream>;

/// How connections are made and looked after; and how many there are.
pub(crate) struct Connect {
    server: SocketAddr,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Connect {
    pub(crate) fn to(server: SocketAddr) -> Self {
        Connect {
            server,
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        }
    }

    /// The most connections at one time.
    pub(crate) fn most(&self) -> usize {
        self.most.load(SeqCst)
    }
}

impl Manager for Connect {
    type Resource = Connection;
    type Error = io::Error;

    async fn create(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect(self.server).await?;
        stream.set_nodelay(true)?;
        let now = self.now.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(now, SeqCst);
        Ok(BufStream::new(stream))
    }

    /// A connection that was idle may have been closed by the server.
    async fn check(&self, connection: &mut Connection, _: &Usage) -> io::Result<()> {
        match ask(connection, "ping").await?.as_str() {
            "pong" => Ok(()),
            other => Err(io::Error::other(format!("ping was answered by {other:?}"))),
        }
    }

    fn close(&self, connection: Connection) {
        drop(connection);
        self.now.fetch_sub(1, SeqCst);
    }
}

async fn ask(connection: &mut Connection, line: &str) -> io::Result<String> {
    connection.write_all(line.as_bytes()).await?;
    connection.write_all(b"\n").await?;
    connection.flush().await?;
    let mut answer = String::new();
    if connection.read_line(&mut answer).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(answer.trim_end().to_owned())
}

/// A request.
pub(crate) async fn square(connection: &mut Connection, n: u64) -> io::Result<u64> {
    let answer = ask(connection, &format!("square {n}")).await?;
    answer
        .parse()
        .map_err(|_| io::Error::other(format!("no number: {answer:?}")))
}

/// A request that the server does not survive.
pub(crate) async fn crash(connection: &mut Connection) -> io::Result<()> {
    match ask(connection, "crash").await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
        Err(error) => Err(error),
        Ok(answer) => Err(io::Error::other(format!(
            "crash was answered by {answer:?}"
        ))),
    }
}
