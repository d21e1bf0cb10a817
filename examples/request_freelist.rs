//! How a server uses its request objects again: Go's `net/rpc` keeps a free list of them under a lock of
//! its own; here it is a `Pool`, with what the list does not have.
//!
//! ```text
//! cargo run --example request_freelist [-- REQUESTS]
//! ```
//!
//! A codec reads a header into a request, a handler answers, and both objects go back. One request in a
//! hundred is huge: its buffer is not kept, as it would stay for ever. When the rush is over, two
//! rotations give the memory back.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use async_sync::Pool;
use async_sync::pool::Size;

/// Made, that is: allocated. A request that is used again is not counted.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// `net/rpc`'s, with the body beside the header.
#[derive(Debug)]
struct Request {
    method: String,
    sequence: u64,
    body: Vec<u8>,
}

impl Request {
    fn new() -> Self {
        MADE.fetch_add(1, Relaxed);
        Request {
            method: String::new(),
            sequence: 0,
            body: Vec::new(),
        }
    }

    /// For the next one, with its memory. (`net/rpc` sets `*req = Request{}`.)
    fn clear(&mut self) {
        self.method.clear();
        self.sequence = 0;
        self.body.clear();
    }
}

impl Size for Request {
    fn size(&self) -> usize {
        self.method.size() + self.body.size()
    }
}

/// Larger ones are not kept.
const CAP: usize = 64 * 1024;

static REQUESTS: Pool<Request> = Pool::new(Request::new)
    .cleaned_by(Request::clear)
    .max_size(CAP);

/// Reads a request as a codec does, and answers it. Returns the size of the answer.
async fn serve(sequence: u64) -> usize {
    let mut request = REQUESTS.get();
    assert!(
        request.method.is_empty() && request.body.is_empty(),
        "clean"
    );
    request.sequence = sequence;
    request.method.push_str("Arith.Multiply");
    let size = if sequence % 100 == 99 { 1 << 20 } else { 512 };
    request.body.resize(size, 1);
    tokio::task::yield_now().await; // the handler
    assert_eq!(request.sequence, sequence, "nobody else has it");
    request.body.len()
} // and it goes back

fn main() -> ExitCode {
    let requests = std::env::args().nth(1).map_or(Ok(10_000), |n| n.parse());
    let Ok(requests @ 1_u64..) = requests else {
        eprintln!("request_freelist: REQUESTS is a number above zero");
        return ExitCode::FAILURE;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("request_freelist: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let bytes = runtime.block_on(async move {
        let mut bytes = 0;
        // Waves of sixteen at a time.
        for wave in (0..requests).step_by(16) {
            let end = requests.min(wave + 16);
            let tasks: Vec<_> = (wave..end).map(|n| tokio::spawn(serve(n))).collect();
            for task in tasks {
                bytes += task.await.unwrap_or_default();
            }
        }
        bytes
    });
    let made = MADE.load(Relaxed) as u64;
    println!("{requests} requests of {bytes} bytes");
    let large = requests / 100;
    // Sixteen at a time, and one anew for each that was not kept. (Some are lost where all shards are
    // busy at once; none of them is missed.)
    println!(
        "most objects were used again: {}",
        if made <= requests / 4 + 64 + large {
            "yes"
        } else {
            "no"
        }
    );
    let idle = REQUESTS.idle();
    let (first, second) = (REQUESTS.rotate(), REQUESTS.rotate());
    println!(
        "after the rush: {} idle ones kept by the first rotation: {}, dropped by the second: {}",
        if idle > 0 { "some" } else { "no" },
        if first == 0 { "all" } else { "not all" },
        if second == idle && REQUESTS.idle() == 0 {
            "all"
        } else {
            "not all"
        },
    );
    ExitCode::SUCCESS
}
