//! Who may come before whom.

use super::scenario::Scenario;
use super::world::World;

/// What excuses that a future was overtaken by one that came later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excuse {
    /// It was woken, and another ran first: several may be served at a time.
    Woken,
    /// It, or another that has waited for longer, was woken, and competes with all who run: nobody is
    /// held up by one that does not.
    Race,
    /// It was woken and is [late](World::is_late): its baton may have been taken from it. The rule
    /// about futures that nobody polls.
    Late,
}

/// Future `one` has got what it waited for (`None`: somebody who does not wait at all): requires
/// that all who have waited for longer than it are excused.
///
/// # Errors
///
/// Who was overtaken by whom.
pub fn in_order<S: Scenario>(
    world: &World<'_, S>,
    one: Option<usize>,
    excuse: Excuse,
) -> Result<(), String> {
    in_line(world, one, excuse, |_| true)
}

/// The same where there is more than one line: of the others, only those count who are in this one.
///
/// # Errors
///
/// As [`in_order`].
pub fn in_line<S: Scenario>(
    world: &World<'_, S>,
    one: Option<usize>,
    excuse: Excuse,
    line: impl Fn(usize) -> bool,
) -> Result<(), String> {
    let waiting = || world.pending().filter(|i| line(*i));
    // The baton may be one of another future of its task: then that one's place counts.
    let may_be_from = |other: &usize| {
        one.is_some_and(|one| world.share_a_waker(one, *other)) && world.is_late(*other)
    };
    let places = one.into_iter().chain(waiting().filter(may_be_from));
    let since = places
        .filter_map(|i| world.queued(i))
        .min()
        .unwrap_or(usize::MAX);
    // Back after its baton was taken, it takes any that is still unclaimed.
    if one.is_some_and(|one| world.was_late(one)) {
        return Ok(());
    }
    let came_first = |other: &usize| world.queued(*other).is_some_and(|queued| queued < since);
    let race = waiting()
        .filter(came_first)
        .any(|i| world.woken(i).is_some());
    for other in waiting().filter(came_first) {
        let excused = match excuse {
            Excuse::Woken => world.woken(other).is_some(),
            Excuse::Race => race,
            Excuse::Late => world.is_late(other),
        };
        if !excused {
            let who = one.map_or("a newcomer".to_owned(), |one| format!("future {one}"));
            return Err(format!(
                "out of order: {who} came before future {other}, which has waited for longer"
            ));
        }
    }
    Ok(())
}
