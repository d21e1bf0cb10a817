//! Values with destructors.

use std::pin::pin;
use std::sync::Arc;

use super::super::tools::{Task, now};
use super::super::{Verdict, check};
use crate::peers::{Value, ValueChannel};

/// References that are not the measurement's own.
fn kept(value: &Value) -> usize {
    Arc::strong_count(value) - 1
}

fn sent<C: ValueChannel>(tx: &mut C::ValueSender, value: &Value) -> bool {
    now(C::send_value(tx, Arc::clone(value))) == Some(true)
}

pub(super) fn given_away<C: ValueChannel>() -> Verdict {
    let (mut tx, mut rx) = C::values(3);
    let value = Value::default();
    for _ in 0..3 {
        check!(sent::<C>(&mut tx, &value), "it waits");
    }
    for left in (0..3).rev() {
        let received = now(C::recv_value(&mut rx)).flatten();
        check!(received.is_some(), "a value is lost");
        drop(received);
        check!(kept(&value) == left, "the channel keeps what was received");
    }
    Verdict::kept()
}

pub(super) fn nobody_receives<C: ValueChannel>() -> Verdict {
    let (mut tx, rx) = C::values(3);
    let value = Value::default();
    for _ in 0..3 {
        check!(sent::<C>(&mut tx, &value), "it waits");
    }
    drop(rx);
    let left = kept(&value);
    check!(
        left == 0,
        "{left} of 3 are kept for as long as there is a sender"
    );
    Verdict::kept()
}

pub(super) fn all_gone<C: ValueChannel>() -> Verdict {
    for receiver_first in [false, true] {
        let (mut tx, rx) = C::values(3);
        let value = Value::default();
        for _ in 0..3 {
            check!(sent::<C>(&mut tx, &value), "it waits");
        }
        if receiver_first {
            drop(rx);
            drop(tx);
        } else {
            drop(tx);
            drop(rx);
        }
        let left = kept(&value);
        check!(left == 0, "{left} of 3 are leaked");
    }
    Verdict::kept()
}

pub(super) fn dropped_sends<C: ValueChannel>() -> Verdict {
    let (mut tx, mut rx) = C::values(1);
    let (value, task) = (Value::default(), Task::new());
    // (futures has places of its own for each sender.)
    let mut fills = 0;
    while sent::<C>(&mut tx, &value) {
        fills += 1;
        check!(fills < 10, "ten have room in one place");
    }
    {
        let (mut first, mut second, mut third) = (tx.clone(), tx.clone(), tx.clone());
        let mut queued = pin!(C::send_value(&mut first, Arc::clone(&value)));
        let mut woken = pin!(C::send_value(&mut second, Arc::clone(&value)));
        let _idle = C::send_value(&mut third, Arc::clone(&value));
        assert!(task.ready(woken.as_mut()).is_none());
        assert!(task.ready(queued.as_mut()).is_none());
        drop(now(C::recv_value(&mut rx)));
    }
    drop((tx, rx));
    let left = kept(&value);
    check!(left == 0, "{left} are leaked");
    Verdict::kept()
}

pub(super) fn dropped_receives<C: ValueChannel>() -> Verdict {
    let (mut tx, mut rx) = C::values(1);
    let (value, task) = (Value::default(), Task::new());
    {
        let mut woken = pin!(C::recv_value(&mut rx));
        assert!(task.ready(woken.as_mut()).is_none());
        check!(sent::<C>(&mut tx, &value), "it waits");
    }
    drop((tx, rx));
    let left = kept(&value);
    check!(left == 0, "{left} are leaked");
    Verdict::kept()
}
