//! The wheel against a sorted map that does the same slowly.

use std::collections::BTreeMap;

use super::*;

fn ms(n: u64) -> u64 {
    n * 1_000_000
}

/// Everything that is due, by time.
fn drain(agenda: &mut Agenda<u32>, now: u64) -> Vec<(u64, u32)> {
    let mut due = Vec::new();
    loop {
        match agenda.take_due(now) {
            Due::Item { key, at, item } => {
                assert!(at <= now, "early");
                due.push((at, item));
                assert_eq!(agenda.remove(key), Some(None), "it was away");
            }
            Due::More => {}
            Due::Not { before } => {
                assert!(
                    before > now,
                    "it would be looked at again at once, for ever"
                );
                return due;
            }
            Due::Nothing => return due,
        }
    }
}

#[test]
fn by_time_then_by_submission() {
    let mut agenda = Agenda::new(0);
    for (item, at) in [ms(300), ms(100), ms(200), ms(100), ms(100) + 1]
        .into_iter()
        .enumerate()
    {
        agenda.insert(at, item as u32);
    }
    assert_eq!(drain(&mut agenda, ms(99)), []);
    assert_eq!(drain(&mut agenda, ms(100)), [(ms(100), 1), (ms(100), 3)]);
    assert_eq!(drain(&mut agenda, ms(100) + 1), [(ms(100) + 1, 4)]);
    assert_eq!(drain(&mut agenda, ms(1000)), [(ms(200), 2), (ms(300), 0)]);
    assert_eq!(agenda.take_due(u64::MAX), Due::Nothing);
    assert_eq!(agenda.used(), 0);
}

#[test]
fn ties_are_kept_through_the_rings() {
    // The first is far away when it is submitted, the second is near: they were in different rings.
    let at = ms(10_000);
    let mut agenda = Agenda::new(0);
    agenda.insert(at, 1);
    agenda.insert(ms(9_990), 0);
    assert_eq!(drain(&mut agenda, ms(9_990)).len(), 1);
    agenda.insert(at, 2);
    assert_eq!(drain(&mut agenda, at), [(at, 1), (at, 2)]);
}

#[test]
fn what_is_late_is_due_in_its_order() {
    let mut agenda = Agenda::new(ms(1000));
    agenda.insert(ms(900), 1);
    agenda.insert(ms(800), 2);
    agenda.insert(0, 3);
    let items: Vec<_> = drain(&mut agenda, ms(1000))
        .into_iter()
        .map(|(_, item)| item)
        .collect();
    assert_eq!(items, [3, 2, 1]);
}

#[test]
fn every_u64_is_a_time() {
    for reached in [0, 1, ms(1), u64::MAX / 2, u64::MAX - 2] {
        let mut agenda = Agenda::new(reached);
        agenda.insert(u64::MAX, 2);
        agenda.insert(u64::MAX - 1, 1);
        agenda.insert(reached, 0);
        let items: Vec<_> = drain(&mut agenda, u64::MAX)
            .into_iter()
            .map(|(_, item)| item)
            .collect();
        assert_eq!(items, [0, 1, 2], "{reached}");
    }
}

#[test]
fn a_key_is_of_one_entry_only() {
    let mut agenda = Agenda::new(0);
    let first = agenda.insert(ms(5), 1);
    assert_eq!(agenda.remove(first), Some(Some(1)));
    // The same place.
    let second = agenda.insert(ms(5), 2);
    assert_eq!(second.index, first.index);
    assert_eq!(agenda.remove(first), None);
    assert!(!agenda.move_to(first, ms(6)));
    assert_eq!(agenda.time_of(first), None);
    assert_eq!(agenda.bring_back(first, ms(7), 9), Err(9));
    assert_eq!(agenda.time_of(second), Some(ms(5)));
    // A key that comes from elsewhere.
    let foreign = Key {
        index: 1 << 20,
        id: 7,
    };
    assert_eq!(agenda.remove(foreign), None);
}

#[test]
fn what_is_away_can_come_back_or_be_removed() {
    let mut agenda = Agenda::new(0);
    agenda.insert(ms(1), 1);
    let Due::Item { key, item, .. } = agenda.take_due(ms(1)) else {
        panic!("it is due")
    };
    assert_eq!((agenda.waiting(), agenda.used()), (0, 1));
    assert_eq!(agenda.time_of(key), None);
    assert_eq!(agenda.bring_back(key, ms(3), item), Ok(ms(3)));
    assert_eq!(agenda.time_of(key), Some(ms(3)));
    let Due::Item { key, item, .. } = agenda.take_due(ms(3)) else {
        panic!("it is due again")
    };
    // Whoever gives it a time while it is away has the last word.
    assert!(agenda.move_to(key, ms(9)));
    assert_eq!(agenda.time_of(key), None);
    assert_eq!(agenda.bring_back(key, ms(5), item), Ok(ms(9)));
    let Due::Item { key, item, .. } = agenda.take_due(ms(9)) else {
        panic!("it is due again")
    };
    assert_eq!(agenda.remove(key), Some(None));
    assert_eq!(agenda.bring_back(key, ms(4), item), Err(1));
    assert_eq!(agenda.used(), 0);
}

#[test]
fn a_million_at_once_are_taken_apart_in_steps() {
    let n = if cfg!(miri) { 1000 } else { 100_000 };
    let mut agenda = Agenda::new(0);
    for item in 0..n {
        agenda.insert(ms(5000), item);
    }
    let mut more = 0;
    let mut due = 0;
    loop {
        match agenda.take_due(ms(5000)) {
            Due::Item { key, item, .. } => {
                assert_eq!(item, due);
                due += 1;
                agenda.remove(key);
            }
            Due::More => more += 1,
            Due::Not { .. } | Due::Nothing => break,
        }
    }
    assert_eq!(due, n);
    assert!(more >= n as usize / STEP - 1, "{more}");
    // The rush is over, so its memory is given back; old keys do no harm.
    assert!(agenda.shrink().is_some());
    assert!(agenda.shrink().is_none());
    assert_eq!(
        agenda.remove(Key {
            index: n - 1,
            id: 1
        }),
        None
    );
    let key = agenda.insert(ms(6000), 7);
    assert_eq!(agenda.remove(key), Some(Some(7)));
}

#[test]
fn the_rest_of_a_list_is_called_off_while_it_is_taken_apart() {
    // Some go to the stack, some to the map, and the last ones nowhere.
    for n in [2 * STEP as u32, FRONT_LEN as u32 + 2 * STEP as u32] {
        let mut agenda = Agenda::new(0);
        let keys: Vec<_> = (0..n).map(|item| agenda.insert(ms(5000), item)).collect();
        let mut steps = 0;
        while agenda.heads[MOVING..].iter().all(|&head| head == END)
            || steps < n as usize / STEP - 1
        {
            assert_eq!(agenda.take_due(ms(5000)), Due::More);
            steps += 1;
        }
        // The list is taken apart from its end, so these are still in it.
        let mut left = Vec::new();
        for (item, key) in keys.into_iter().enumerate() {
            if item < STEP {
                assert!(agenda.remove(key).is_some());
            } else {
                left.push((ms(5000), item as u32));
            }
        }
        assert_eq!(drain(&mut agenda, ms(5000)), left);
    }
}

#[test]
fn lines_that_were_left_behind_are_not_believed() {
    let mut agenda = Agenda::new(0);
    let keys: Vec<_> = (0..4)
        .map(|item| agenda.insert(ms(100) + u64::from(item), item))
        .collect();
    // All are on the stack now, none is due.
    assert!(matches!(agenda.take_due(ms(100) - 1), Due::Not { .. }));
    assert!(matches!(agenda.take_due(ms(100) - 1), Due::Not { .. }));
    // Away and back to the same time; to another time; called off, and its place taken.
    assert!(agenda.move_to(keys[1], ms(500)) && agenda.move_to(keys[1], ms(100) + 1));
    assert!(agenda.move_to(keys[2], ms(300)));
    assert_eq!(agenda.remove(keys[3]), Some(Some(3)));
    let again = agenda.insert(ms(100) + 3, 9);
    assert_eq!(again.index, keys[3].index);
    let expected = [
        (ms(100), 0),
        (ms(100) + 1, 1),
        (ms(100) + 3, 9),
        (ms(300), 2),
    ];
    assert_eq!(drain(&mut agenda, ms(1000)), expected);
    assert_eq!((agenda.waiting(), agenda.used()), (0, 0));
}

#[test]
fn clearing_forgets_what_is_away() {
    let mut agenda = Agenda::new(0);
    agenda.insert(ms(1), 1);
    let waiting = agenda.insert(ms(1000), 2);
    let Due::Item { key, item, .. } = agenda.take_due(ms(1)) else {
        panic!("it is due")
    };
    drop(agenda.clear());
    assert_eq!(agenda.bring_back(key, ms(5), item), Err(1));
    assert_eq!(agenda.remove(waiting), None);
    assert_eq!((agenda.waiting(), agenda.used()), (0, 0));
    let next = agenda.insert(ms(2), 3);
    assert_ne!(next, key);
}

/// A generator of numbers that are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % n
    }
}

#[test]
fn as_a_sorted_map() {
    let (seeds, rounds) = if cfg!(miri) { (2, 60) } else { (40, 4000) };
    for seed in 0..seeds {
        let mut numbers = Numbers(seed);
        let mut now = ms(numbers.below(1 << 40));
        let mut agenda = Agenda::new(now);
        // By (time, id): the item, and what finds it in the agenda.
        let mut model: BTreeMap<(u64, u64), (u32, Key)> = BTreeMap::new();
        for item in 0..rounds {
            // From nanoseconds to centuries; sometimes a round number of the wheel.
            let range = 1 << (1 + numbers.below(58));
            let mut at = now
                .saturating_add(numbers.below(range))
                .saturating_sub(range / 16);
            if numbers.below(4) == 0 {
                at &= !((1 << (TICK_BITS + 6 * numbers.below(4) as u32)) - 1);
            }
            let some = (!model.is_empty()).then(|| numbers.below(model.len() as u64) as usize);
            let some = some.and_then(|n| model.iter().nth(n).map(|(time, entry)| (*time, *entry)));
            match (numbers.below(8), some) {
                (0, Some((time, (item, key)))) => {
                    assert_eq!(agenda.remove(key), Some(Some(item)));
                    model.remove(&time);
                }
                (1, Some((time, (item, key)))) => {
                    assert!(agenda.move_to(key, at));
                    model.remove(&time);
                    model.insert((at, time.1), (item, key));
                }
                (2 | 3, _) => {
                    // Not always to the end: the list that is taken apart is found as it was left.
                    let budget = numbers.below(6);
                    let wait = 1 << numbers.below(40);
                    now += numbers.below(wait);
                    for _ in 0..budget {
                        match agenda.take_due(now) {
                            Due::Item { key, at, item } => {
                                let (time, entry) = model.pop_first().unwrap();
                                assert_eq!((time.0, entry), (at, (item, key)));
                                agenda.remove(key);
                            }
                            Due::More => {}
                            Due::Not { before } => {
                                let first = model.first_key_value().unwrap().0.0;
                                assert!(now < before && before <= first);
                                break;
                            }
                            Due::Nothing => assert!(model.is_empty()),
                        }
                    }
                }
                _ => {
                    let key = agenda.insert(at, item);
                    model.insert((at, key.id), (item, key));
                }
            }
            assert_eq!(agenda.waiting(), model.len());
        }
        let rest = drain(&mut agenda, u64::MAX);
        let expected = model.into_iter().map(|((at, _), (item, _))| (at, item));
        assert!(rest.into_iter().eq(expected), "seed {seed}");
    }
}
