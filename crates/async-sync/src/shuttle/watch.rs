//! Watch: two that store, two that follow, one of which gives up now and then.

use super::*;
use crate::watch::{self, Closed};

#[test]
fn watch() {
    check_random(|| {
        const EACH: usize = 3;
        let (sender, receiver) = watch::channel(0);
        let mut last = receiver.clone();
        // Each in the hands of one thread, which takes it.
        let senders = [sender.clone(), sender].map(|sender| std::sync::Mutex::new(Some(sender)));
        let receivers =
            [receiver.clone(), receiver].map(|receiver| std::sync::Mutex::new(Some(receiver)));
        run(4, move |n| {
            if n < 2 {
                let sender = senders[n].lock().unwrap().take().unwrap();
                for _ in 0..EACH {
                    sender.update(|count| count + 1);
                }
                return;
            }
            let mut receiver = receivers[n - 2].lock().unwrap().take().unwrap();
            let mut seen = 0;
            loop {
                let next = if n == 2 {
                    match glance(receiver.changed()) {
                        Some(next) => next.copied(),
                        None => block_on(receiver.wait_for(|count| *count > seen)).copied(),
                    }
                } else {
                    block_on(receiver.changed()).copied()
                };
                match next {
                    Ok(count) => {
                        assert!(count > seen, "{count} after {seen}");
                        seen = count;
                    }
                    Err(Closed) => break,
                }
            }
            assert_eq!(seen, 2 * EACH, "the last value comes before the end");
        });
        assert!(last.has_changed() && last.is_closed());
        assert_eq!(glance(last.changed()), Some(Ok(&(2 * EACH))));
        assert_eq!(glance(last.changed()), Some(Err(Closed)));
    });
}
