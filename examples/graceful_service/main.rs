//! A service that ends in good order: an echo server on tokio.
//!
//! ```text
//! cargo run --example graceful_service -- [ADDRESS]
//! cargo run --example graceful_service -- --demo
//! ```
//!
//! At Ctrl-C or SIGTERM (or, with `--demo`, by itself) it accepts nobody any more, and lets those who are
//! connected finish: a client that sees no new line hangs up after its answer. Who has not finished after a
//! second is cut off, and then the log is flushed, for which there are two seconds. The report says who
//! was late. A second signal ends it at once.

#![forbid(unsafe_code)]

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use async_sync::Context;
use orchestration::Shutdown;
use orchestration::shutdown::ShutdownHandle;
use runtime::{Timer, TokioRuntime};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Accepts until the service closes. Each connection is a task that is tracked by its peer's name, and is
/// cut off at the end of the first phase.
async fn accept(listener: TcpListener, shutdown: ShutdownHandle, served: Arc<AtomicUsize>) {
    let closing = shutdown.closing().clone();
    while let Ok(accepted) = closing.run(listener.accept()).await {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, for example: others may hang up meanwhile.
                eprintln!("accept: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let served = Arc::clone(&served);
        let connection = echo(stream, closing.clone());
        let connection = async move {
            if connection.await.is_ok() {
                served.fetch_add(1, Relaxed);
            }
        };
        // Refused if the service has begun to close meanwhile: then the stream is dropped.
        if let Ok(tracked) = shutdown.run(format!("connection {peer}"), connection) {
            drop(tokio::spawn(tracked));
        }
    }
}

/// Answers line by line. While the service closes, what was begun is answered, and no new line is waited
/// for.
async fn echo(stream: TcpStream, closing: Context) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        // Until the first byte has come, the line is not begun.
        if stream.buffer().is_empty() {
            match closing.run(stream.fill_buf()).await {
                Ok(Ok([])) | Err(_) => return Ok(()),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error),
            }
        }
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        stream.get_mut().write_all(&line).await?;
    }
}

async fn serve(address: SocketAddr, demo: bool) -> io::Result<()> {
    let rt = TokioRuntime::current();
    let shutdown = Shutdown::new(rt.clone())
        .closing_limit(Duration::from_secs(1))
        .closed_limit(Duration::from_secs(2));
    let _signals = shutdown.on_signals()?;
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    println!("listening on {address}");

    let served = Arc::new(AtomicUsize::new(0));
    let accepting = accept(listener, shutdown.handle(), Arc::clone(&served));
    let accepting = shutdown.run("accept loop", accepting);
    drop(tokio::spawn(accepting.expect("it has just been made")));

    let clock = rt.clone();
    let flush = async move {
        clock.sleep(Duration::from_millis(20)).await;
        println!(
            "{} connections were served, the log is flushed",
            served.load(Relaxed)
        );
    };
    shutdown
        .on_closed("flush the log", flush)
        .expect("it has just been made");

    if demo {
        let handle = shutdown.handle();
        drop(tokio::spawn(async move {
            if let Err(error) = clients(address, &handle).await {
                eprintln!("client: {error}");
            }
            handle.begin();
        }));
    }
    let report = shutdown.finish().await;
    println!("{report}");
    Ok(())
}

/// One who hangs up, one who is idle, one who is in the middle of a line when the service closes and
/// finishes it, and one who never does.
async fn clients(address: SocketAddr, shutdown: &ShutdownHandle) -> io::Result<()> {
    let mut answer = [0; 6];
    let mut quick = TcpStream::connect(address).await?;
    quick.write_all(b"quick\n").await?;
    quick.read_exact(&mut answer).await?;
    drop(quick);

    let idle = TcpStream::connect(address).await?;
    // Their second lines are begun when the first ones, which come with them, are answered.
    let mut slow = TcpStream::connect(address).await?;
    slow.write_all(b"first\nslow ").await?;
    slow.read_exact(&mut answer).await?;
    let mut stubborn = TcpStream::connect(address).await?;
    stubborn.write_all(b"first\nand then").await?;
    stubborn.read_exact(&mut answer).await?;
    while shutdown.running().len() < 4 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let closing = shutdown.closing().clone();
    drop(tokio::spawn(async move {
        closing.cancelled().await;
        if slow.write_all(b"\n").await.is_ok() && slow.read_exact(&mut answer).await.is_ok() {
            println!("slow: {:?}", String::from_utf8_lossy(&answer));
        }
        // Until the service is closed.
        let cut = stubborn.read(&mut answer).await;
        println!("stubborn: cut off: {}", matches!(cut, Ok(0) | Err(_)));
        drop(idle);
    }));
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    let (address, demo) = match argument.as_deref() {
        Some("--demo") => (Ok(SocketAddr::from(([127, 0, 0, 1], 0))), true),
        Some(address) => (address.parse(), false),
        None => (Ok(SocketAddr::from(([127, 0, 0, 1], 8080))), false),
    };
    let served = match address {
        Ok(address) => serve(address, demo).await,
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidInput, error)),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("graceful_service: {error}");
            ExitCode::FAILURE
        }
    }
}
