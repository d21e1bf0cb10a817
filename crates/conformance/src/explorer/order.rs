//! Who may come before whom.

use super::scenario::Scenario;
use super::world::World;

/// What excuses that a future was overtaken by one that came later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excuse {
    /// It was woken, and another ran first: several may be served at a time, or may compete.
    Woken,
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
    let since = one.and_then(|one| world.queued(one)).unwrap_or(usize::MAX);
    // Back after its baton was taken, it takes any that is still unclaimed.
    if one.is_some_and(|one| world.was_late(one)) {
        return Ok(());
    }
    for other in world.pending() {
        let came_first = world.queued(other).is_some_and(|queued| queued < since);
        let excused = match excuse {
            Excuse::Woken => world.woken(other).is_some(),
            Excuse::Late => world.is_late(other),
        };
        if came_first && !excused {
            let who = one.map_or("a newcomer".to_owned(), |one| format!("future {one}"));
            return Err(format!(
                "out of order: {who} came before future {other}, which has waited for longer"
            ));
        }
    }
    Ok(())
}
