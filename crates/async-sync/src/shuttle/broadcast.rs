//! Broadcast: two that send, two that receive, one of which gives up now and then.

use super::*;
use crate::broadcast::{self, RecvError};

#[test]
fn broadcast() {
    check_random(|| {
        const EACH: usize = 3;
        let (sender, receiver) = broadcast::channel(2);
        // Each in the hands of one thread, which takes it.
        let senders = [sender.clone(), sender].map(|sender| std::sync::Mutex::new(Some(sender)));
        let receivers =
            [receiver.clone(), receiver].map(|receiver| std::sync::Mutex::new(Some(receiver)));
        run(4, move |n| {
            if n < 2 {
                let sender = senders[n].lock().unwrap().take().unwrap();
                for round in 0..EACH {
                    // (A receiver stays until both senders are gone.)
                    assert_eq!(sender.send((n, round)).unwrap(), 2);
                }
                return;
            }
            let mut receiver = receivers[n - 2].lock().unwrap().take().unwrap();
            let (mut next, mut seen, mut missed) = ([0; 2], 0, 0);
            loop {
                let glanced = (n == 2).then(|| glance(receiver.recv())).flatten();
                match glanced.unwrap_or_else(|| block_on(receiver.recv())) {
                    Ok((from, round)) => {
                        assert!(round >= next[from], "{round} of {from} after {next:?}");
                        next[from] = round + 1;
                        seen += 1;
                    }
                    Err(RecvError::Lagged(many)) => missed += many,
                    Err(RecvError::Closed) => break,
                }
            }
            assert_eq!(seen + missed, 2 * EACH as u64);
            assert_eq!(next.iter().max(), Some(&EACH), "the last item was kept");
        });
    });
}
