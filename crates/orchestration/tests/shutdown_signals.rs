//! Signals. In a program of its own, since they reach the whole process.

#![cfg(unix)]

use std::time::Duration;

use orchestration::Shutdown;
use orchestration::shutdown::Signal;
use runtime::TokioRuntime;
use signal_hook::consts::signal::{SIGINT, SIGTERM};
use signal_hook::low_level::raise;

#[tokio::test]
async fn the_first_begins_and_the_second_ends() {
    let shutdown = Shutdown::new(TokioRuntime::current()).closing_limit(Duration::from_secs(60));
    let signals = shutdown.on_signals().unwrap();
    let guard = shutdown.guard("stubborn").unwrap();
    let handle = shutdown.handle();
    let finish = tokio::spawn(shutdown.finish());

    raise(SIGTERM).unwrap();
    let cause = handle.closing().cancelled().await;
    assert_eq!(cause.downcast_ref(), Some(&Signal::Terminate));
    assert_eq!(cause.to_string(), "SIGTERM");
    assert!(!finish.is_finished());

    raise(SIGINT).unwrap();
    let report = finish.await.unwrap();
    assert!(report.forced && report.closing.timed_out && report.closed.timed_out);
    assert_eq!(report.closed.late[0].name, "stubborn");
    drop(guard);
    drop(signals);
    // Nobody listens any more; the process is still there.
    raise(SIGTERM).unwrap();
}
