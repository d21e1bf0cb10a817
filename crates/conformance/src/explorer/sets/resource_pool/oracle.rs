//! What is promised, and what the oracle has to know for that.

use std::mem;

use async_sync::resource_pool::Status;

use super::manager::Fate;
use super::{Does, Held, KINDS, ResourceSet};
use crate::explorer::order::{Excuse, in_line};
use crate::explorer::sets::mutex::waiters_are;
use crate::explorer::sets::work::{NOBODY, Work, Works};
use crate::explorer::{Stage, World};

/// What a resource was like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) fate: Fate,
    /// Since when it has been idle.
    pub(super) idle: Option<usize>,
}

/// What is known of a pool.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Whether it was closed.
    pub(super) closed: bool,
    /// Resources that were said to be unusable.
    pub(super) unusable: Vec<usize>,
    /// When all that was idle was closed.
    pub(super) emptied: usize,
    /// Somebody who did not wait has got a place.
    pub(super) newcomer: bool,
    /// What the resources were like after the last step.
    pub(super) lines: Vec<Line>,
}

impl ResourceSet {
    pub(super) fn does(&self, actor: usize) -> Does {
        KINDS[self.plan.actors[actor].kind]
    }

    /// Whether the future waits for a place.
    fn is_in_line(&self, world: &World<'_, Self>, i: usize) -> bool {
        let running = works(world).running();
        self.does(i) == Does::Get
            && world.stage(i) == Stage::Pending
            && !running.iter().any(|work| work.owner == i)
    }

    /// Never more than there may be.
    pub(super) fn numbers(&self, world: &World<'_, Self>, status: Status) -> Result<(), String> {
        let desk = world.object().manager();
        let open = desk.books.open();
        let books = desk.books.lock();
        let is_creation = |work: &&Work| !books.iter().any(|book| book.work == work.number);
        let creating = desk.works.running().iter().filter(is_creation).count();
        if open + creating > self.max || status.size != open + creating {
            return Err(format!(
                "{open} exist and {creating} are created, of {}, and the pool says {}",
                self.max, status.size
            ));
        }
        Ok(())
    }

    /// Nobody waits for a place that is free, and nobody has got one out of turn.
    pub(super) fn places(&self, world: &mut World<'_, Self>, status: Status) -> Result<(), String> {
        let busy = busy(world);
        if busy > self.max {
            return Err(format!("{busy} places are taken, of {}", self.max));
        }
        let waiting = world.pending().filter(|i| self.is_in_line(world, *i));
        let line: Vec<_> = waiting.collect();
        let is_in_line = |i| line.contains(&i);
        let woken = line.iter().filter(|i| world.woken(**i).is_some()).count();
        let free = match world.model.closed {
            true => usize::MAX,
            false => self.max - busy,
        };
        if woken < free.min(line.len()) {
            let n = line.len();
            return Err(format!(
                "{busy} places are taken, of {}; of {n} in line {woken} were woken",
                self.max
            ));
        }
        if !world.model.closed {
            waiters_are(world, status.waiters, is_in_line)?;
        }
        if mem::take(&mut world.model.newcomer) {
            in_line(world, None, Excuse::Woken, is_in_line)?;
        }
        let works = works(world);
        let all = works.all();
        for number in works.take_begun() {
            let owner = all[number].owner;
            if owner == NOBODY {
                continue; // before the first step
            }
            let is_first = !all[..number].iter().any(|work| work.owner == owner);
            match self.does(owner) {
                Does::Get if is_first => in_line(world, Some(owner), Excuse::Woken, is_in_line)?,
                Does::Fill => in_line(world, None, Excuse::Woken, is_in_line)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Each resource is where it should be, and none was closed without a reason. The last that came back
    /// is the first that is lent.
    pub(super) fn resources(
        &self,
        world: &mut World<'_, Self>,
        status: Status,
    ) -> Result<(), String> {
        let desk = world.object().manager();
        let works = desk.works.all();
        let step = world.step();
        let mut lent = leases(world);
        lent.sort_unstable();
        if let Some(twice) = lent.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("resource {} was lent twice", twice[0]));
        }
        let known = &world.model;
        let mut lines = Vec::new();
        // Idle before this step, and not taken since.
        let mut stay: Vec<usize> = Vec::new();
        let mut taken: Vec<usize> = Vec::new();
        for (number, book) in desk.books.lock().iter().enumerate() {
            let before = known.lines.get(number);
            let was_idle = before.and_then(|line| line.idle);
            let is_too_old = self.aging && was_idle.is_some_and(|since| since < world.time_passed);
            let is_lent = lent.contains(&number);
            let work = works[book.work];
            let is_checked = work.is_running();
            let is_bad = known.unusable.contains(&number) || work.dropped && !work.has_ended(true);
            let wrong = match book.fate {
                Fate::Lost => Some("was dropped, and nobody closed it"),
                Fate::Open if is_bad && !is_lent => Some("is bad, and was kept"),
                Fate::Open if known.closed && !is_lent && !is_checked => {
                    Some("is idle in a closed pool")
                }
                Fate::Open if is_lent && is_too_old => Some("is too old, and was lent"),
                Fate::Closed if is_lent => Some("was closed while it was lent"),
                Fate::Closed if before.is_none_or(|line| line.fate == Fate::Open) => {
                    let is_full = status.idle >= self.max_idle;
                    let emptied = known.emptied == step;
                    let reason = is_bad || is_too_old || known.closed || is_full || emptied;
                    (!reason).then_some("was closed without a reason")
                }
                _ => None,
            };
            if let Some(wrong) = wrong {
                return Err(format!("resource {number} {wrong}"));
            }
            let is_idle = book.fate == Fate::Open && !is_lent && !is_checked;
            if was_idle.is_some() && book.fate == Fate::Open {
                if is_idle {
                    stay.push(number);
                } else {
                    taken.push(number);
                }
            }
            lines.push(Line {
                fate: book.fate,
                idle: is_idle.then(|| was_idle.unwrap_or(step)),
            });
        }
        let since = |number: usize| known.lines[number].idle;
        for number in taken {
            if let Some(other) = stay.iter().find(|other| since(**other) > since(number)) {
                return Err(format!(
                    "resource {number} is lent, and {other} came back later"
                ));
            }
        }
        let idle = lines.iter().filter(|line| line.idle.is_some()).count();
        world.model.lines = lines;
        if status.idle != idle || idle > self.max_idle {
            return Err(format!(
                "{idle} are idle, of {} that may be, and the pool says {}",
                self.max_idle, status.idle
            ));
        }
        Ok(())
    }
}

pub(super) fn works<'w>(world: &'w World<'_, ResourceSet>) -> &'w Works {
    &world.object().manager().works
}

/// The numbers of the resources that are lent.
pub(super) fn leases(world: &World<'_, ResourceSet>) -> Vec<usize> {
    let number = |held: &Held<'_>| match held {
        Held::Lease(lease) => Some(lease.number),
        Held::Taken(_) => None,
    };
    world.held().filter_map(|(_, held)| number(held)).collect()
}

/// The first lease whose resource may be used.
pub(super) fn usable(world: &World<'_, ResourceSet>) -> Option<usize> {
    let is_usable = |held: &Held<'_>| match held {
        Held::Lease(lease) => !world.model.unusable.contains(&lease.number),
        Held::Taken(_) => false,
    };
    let mut usable = world.held().filter(|(_, held)| is_usable(held));
    usable.next().map(|(slot, _)| slot)
}

/// How many places are taken: a lease has one, and who creates or checks.
fn busy(world: &World<'_, ResourceSet>) -> usize {
    leases(world).len() + works(world).running().len()
}

/// Whether there is a place for who does not wait.
pub(super) fn is_free(world: &World<'_, ResourceSet>) -> bool {
    let status = world.object().status();
    !status.is_closed && status.waiters == 0 && busy(world) < status.max
}
