//! Earliest deadline first: Envoy's weighted cycle.

/// Entries by deadline; the one due first is picked and due again one weighted period later.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    entries: Vec<Entry>,
    now: f64,
    order: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    deadline: f64,
    /// Envoy: of equal deadlines the one entered first.
    order: u64,
}

impl Schedule {
    /// So many entries, with their weights, above 0. Some picks (as a random number says) are
    /// skipped, so that not every client begins with the same entry.
    pub(super) fn new(entries: usize, weight: impl Fn(usize) -> f64, random: u64) -> Self {
        let entry = |index| Entry {
            deadline: 1.0 / weight(index),
            order: index as u64,
        };
        let mut schedule = Self {
            entries: (0..entries).map(entry).collect(),
            now: 0.0,
            order: entries as u64,
        };
        let round: f64 = (0..entries).map(&weight).sum();
        // A float beyond the range of integers becomes the largest one.
        for _ in 0..random % (round.ceil() as u64).clamp(1, MOST_SKIPPED) {
            schedule.pick(&weight);
        }
        schedule
    }

    /// The entry that is due; `weight` gives its weight as of now, above 0.
    pub(super) fn pick(&mut self, weight: impl Fn(usize) -> f64) -> usize {
        let due = |a: &(usize, &Entry), b: &(usize, &Entry)| {
            let (a, b) = (a.1, b.1);
            a.deadline
                .total_cmp(&b.deadline)
                .then_with(|| a.order.cmp(&b.order))
        };
        let first = self.entries.iter().enumerate().min_by(due);
        let Some((picked, entry)) = first else {
            return 0;
        };
        self.now = entry.deadline;
        self.entries[picked] = Entry {
            deadline: self.now + 1.0 / weight(picked),
            order: self.order,
        };
        self.order += 1;
        picked
    }
}

/// Bounds the work of a start; a cycle of more picks is as good as random after these.
const MOST_SKIPPED: u64 = 256;
