//! Why a row that is not met is not: printed with it, and only then.

use crate::row::Row;

/// What is known about the distance. Each figure in here was measured by itself; see
/// ARCHITECTURE.md for the decisions.
pub(crate) fn of(row: &Row) -> Option<&'static str> {
    let has = |part: &str| row.title.contains(part);
    Some(match row.id {
        "P2" => EVERYBODY,
        "P3" => HAND_OVERS,
        "P4" | "P5" | "P13" => SWITCHES,
        "P6" if has("yield") => SWITCHES,
        "P7" => BY_HAND,
        "P8" => CANCEL,
        "P9" => PHASE_OF_ONE,
        "P10" => CONVOYS,
        "P11" => PHASES,
        "P14" => SMALL_FIRST,
        "P15" if has("RwLock") => LANES,
        "P20" => BATONS,
        "P21" | "P22" | "P24" => NODES,
        "P25" => SET,
        "P26" => SINGLE,
        "P23" if has("one thread") => COUNTS,
        "P23" => SPAWNED,
        "P30" => PLACES,
        "P31" | "P32" | "P33" => PROMISES,
        "P34" => CASES,
        "P35" => ITEMS,
        "P36" => ENDS,
        "P40" => CHILDREN,
        "P41" => BOXES,
        "P44" => TWO_LOCKS,
        "P48" => ONE_LINE,
        "-" if has("Reentrant") => DEPTH,
        "-" if has("call of all") => HERD,
        "-" if has("Context") => SCOPES,
        "-" if has("ResourcePool") => TURNS,
        "-" if has("Pool") => MOVES,
        "-" if has("Worker pool") => WAKE_UPS,
        "-" if has("100 ns") || has("empty") => HAND_OVERS,
        "-" if has("yield") || has("storm") => SWITCHES,
        _ => return None,
    })
}

const ITEMS: &str = "An item is an Arc, which is allocated and released, counted up and down by every receiver \
     but the last. For that it is cloned under no lock: a clone may take its time, use the channel or panic, \
     and nobody waits for it or misses anything. async-broadcast clones under the lock of the channel, tokio \
     under that of the item; neither allocates.";
const EVERYBODY: &str = "While somebody waits, an acquisition looks at the word, counts itself and \
     asks now and then whether the waiter's notification is stale; one in 48 hands the lock over. \
     That is what keeps every task going; those ahead leave tasks with next to nothing.";
const HAND_OVERS: &str = "One acquisition in 48 hands the lock over, and with two workers that \
     often has to wake a parked thread: some microseconds, or 20 to 40 ns for each acquisition. Those \
     ahead of it let one task keep the lock, see its column at 0.";
const SWITCHES: &str = "Each acquisition is a wait and a wake-up. Ours takes 130 to 250 instructions \
     more for the pair than futures-intrusive's, and looks at the clock once or twice (5.5 ns each): \
     batons carry the time at which they were given, so that one that nobody claims can be taken \
     away. Neither futures-intrusive nor tokio can do that. Peers that let newcomers pass (async-lock, \
     the unfair futures-intrusive, futures-util) spare the switch, at the expense of those who wait.";
const BY_HAND: &str = "Two looks at the clock (5.5 ns each: when the wait began, when the \
     notification was given), six or seven atomic operations of 2.2 ns each, and about twice the \
     instructions of futures-intrusive, which locks a mutex for each step and has nothing to revoke.";
const CANCEL: &str = "A waiter notes the time at which it queues, for Go's rule of the millisecond \
     (5.5 ns), and its node is linked into a circle with its neighbours under a lock, twice.";
const BATONS: &str = "A wait and its wake-up take the queue's lock three times, to queue, to be told \
     and to claim, and exchange the word once; that is as many instructions as futures-intrusive's \
     (286 to 258), and fewer than tokio's (300). What comes on top is a look at the clock (5.5 ns), \
     because a notification that nobody claims can be taken away and given to the next. Neither tokio \
     nor futures-intrusive can do that.";
const NODES: &str = "180 instructions for each waiter, to futures-intrusive's 166 and tokio's 245; a \
     released waiter does not lock the queue again, as futures-intrusive's does. All that are released \
     are woken in batches of 16, each after the queue was unlocked, so that a waker may do what it \
     likes; futures-intrusive calls all of them under its lock. With tasks most of the time is the \
     runtime's: 30 of 42 ns.";
const SET: &str = "The future is answered where it is made: a load, a test and a branch, and nothing of \
     it is written. `get_or_init` has two instructions more than the bare load, which are moves between \
     registers; what is measured beyond them is where the loop lies in memory.";
const SINGLE: &str = "The floor runs each task once. Whoever waits runs twice: see the other floor, spawn, \
     wait, wake, to which a caller adds a fifth, 35 to 40 ns: the hash of the key (std's SipHash, 130 \
     instructions), the lock of a shard, and a count of callers that goes up and down. It allocates \
     nothing.";
const SMALL_FIRST: &str = "The order is kept: a request for ten is not passed by requests for one. \
     The unfair futures-intrusive lets small requests pass for ever; its big ones get nothing. Besides, \
     as for P13.";
const CONVOYS: &str = "A writer that waits keeps readers out (Go's rule), so once tasks meet, most \
     operations are a wait and a wake-up, as for P4, with the same price. ReadPreferring and async-lock \
     let readers pass a writer that waits for its thread; async-lock lets newcomers of both kinds pass \
     those who queue. Go runs a goroutine for 10 ms at a stretch: most of its operations never meet.";
const PHASES: &str = "Between two writes every reader that waits reads once: the writer waits for \
     their turns of the runtime. Those ahead let the writer pass readers that have waited for longer.";
const COUNTS: &str = "Taking a token is an exchange after a look, which costs some 1.5 ns more than \
     an addition. With a plain addition, an end of a round and the next beginning could lose a \
     wake-up between them; a review found the interleaving.";
const SPAWNED: &str = "The row is the runtime's spawning and scheduling of 1000 tasks; what a group \
     adds to each is two exchanges and a reference count, less than the spread of the rounds. The last \
     task of a round also has to lock the queue and wake.";
const CHILDREN: &str = "The floor keeps nothing of its tasks but their handles. A group notes how to \
     abort each child, in a slot under a lock, and the child gives the slot back from the worker on \
     which it ends: two short critical sections a child, which spawner and workers share.";
const PLACES: &str = "An exchange and a store for each side, as in kanal, and 111 instructions for the \
     pair to its 125; what is measured beyond that is noise, or where the loop lies in memory.";
const PROMISES: &str = "An item that is handed to a waiting receiver is promised to it, and can be given \
     to another if the receiver does not come; so the receiver locks the channel again to claim it, and the \
     promise notes the time (14 ns, once for two items). In a rendezvous an item takes 440 instructions \
     beside the runtime's 345, 245 in kanal, which writes into the frame of the receiver and cannot take \
     that back. With eight receivers each that has to wait while items are promised to others looks at the \
     clock and at those promises, too: 1055 instructions for an item with the runtime's, kanal 590; through \
     100 places 242 to 188.";
const PHASE_OF_ONE: &str = "Two atomic operations, as the floor has, and 33 instructions to its 10 (saa has \
     67): a future that is made, polled and dropped, and a guard.";
const LANES: &str = "8 bytes for the word, 8 for the queue's lock and the age of its oldest baton, 24 for three \
     lanes. With two it would be 32; the third is how a writer that leaves finds the readers to let in \
     without a search.";
const CASES: &str = "The cases of a set wait in their channels, so each message is handed over, and a promise \
     notes the time: one and a half looks at the clock (14 ns each). Atomic operations are 11 to the 28 of \
     futures' stream::select_all, instructions 1220 to 811 (before channels handed over without a batch of \
     wakers).";
const BOXES: &str = "1144 instructions for a task that yields once, to FuturesUnordered's 862; 228 of the \
     difference are a second allocation and its release. The tasks of a group may be of different types, so \
     each is boxed, and the set allocates a node besides. One that is ready at once never gets a node.";
const ONE_LINE: &str = "To read is to change a word that all readers share: the word is looked at, since a \
     writer may be waiting, and exchanged to enter and again to leave. Between two cores the line travels \
     each time, and the look is one journey more than the floor's additions have (bare loops of \
     each, the least of nine: 20 ns to 14). Locks that are almost only read have ReadMostly.";
const DEPTH: &str = "Four atomic operations to lock and unlock once, parking_lot has two: futures of one owner \
     may run on several threads, so the depth is counted by exchanges, and they are counted apart from the \
     lock's own. parking_lot's owner is a thread, whose depth is a plain number: four deep it still has \
     two, ours ten. Besides, 110 instructions each time for a future with two places to queue in.";
const HERD: &str = "The rounds lie further apart (416 to 774 ns, and 563 to 739 for mea) than the medians: \
     the row is the runtime's spawning and waking of 1000 tasks on two workers. On one thread, where that is \
     steady, ours is ahead. It allocates half as often as mea.";
const SCOPES: &str = "A child takes 527 instructions to make and to drop, tokio-util's token 346, with fewer \
     atomic operations (14 to 16); it allocates as often, but 240 bytes to 112: a scope may have several \
     parents, a deadline, values and callbacks. To cancel 1000 children is to visit scopes that are twice as \
     large: 686 instructions each, 423 in tokio-util.";
const TURNS: &str = "2280 instructions each time, deadpool has 2240, and a third fewer atomic operations (25 to \
     37), but two looks at the clock, 14 ns each: a permit that is handed to a task that waits notes the time, \
     so that it can be given to another if that one does not come. Where nobody waits (584 instructions to \
     917) it is ahead.";
const MOVES: &str = "The same work as opool: two exchanges for the pair, and the object is moved twice. Its figure is \
     13 ns where the compiler does not optimise across all crates, ours 5.";
const TWO_LOCKS: &str = "DelayQueue is used by its one owner, without a lock; a job is scheduled and called off \
     from any thread, under a lock each, 57 ns by the queue alone (TimeQueue), and is a \
     function in a box with a handle that may outlive it.";
const WAKE_UPS: &str = "The workers are tasks of the runtime: each yield goes through its queue, and so does \
     each wake-up of a worker; tasks of their own, limited by a semaphore, cost more still. \
     Go switches within its scheduler.";
const ENDS: &str = "298 instructions, tokio's 273. Sending, receiving and leaving lock the queue of the receiver, \
     an exchange of some 2 ns each; tokio has one word for all of it, and no queue.";
