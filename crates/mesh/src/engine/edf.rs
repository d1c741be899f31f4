//! Earliest deadline first: Envoy's weighted cycle.

/// Hosts by deadline; the one due first is picked and due again one weighted period later.
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
    /// All hosts entered; a random number of picks (below the sum of weights) is skipped, so that
    /// not every client begins with the same host.
    pub(super) fn new(weights: &[u32], random: u64) -> Self {
        let weight = |host: usize| f64::from(weights[host].max(1));
        let entry = |host| Entry {
            deadline: 1.0 / weight(host),
            order: host as u64,
        };
        let entries: Vec<Entry> = (0..weights.len()).map(entry).collect();
        let mut schedule = Self {
            order: entries.len() as u64,
            entries,
            now: 0.0,
        };
        let round: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        for _ in 0..random % round.clamp(1, MOST_SKIPPED) {
            schedule.pick(weight);
        }
        schedule
    }

    /// The host that is due; `weight` gives its weight as of now, above 0.
    pub(super) fn pick(&mut self, weight: impl Fn(usize) -> f64) -> usize {
        let due = |a: &&Entry, b: &&Entry| {
            a.deadline
                .total_cmp(&b.deadline)
                .then_with(|| a.order.cmp(&b.order))
        };
        let picked = self
            .entries
            .iter()
            .min_by(due)
            .map_or(0, |entry| self.position(entry));
        self.now = self.entries[picked].deadline;
        self.entries[picked] = Entry {
            deadline: self.now + 1.0 / weight(picked),
            order: self.order,
        };
        self.order += 1;
        picked
    }

    fn position(&self, entry: &Entry) -> usize {
        self.entries
            .iter()
            .position(|own| own.order == entry.order)
            .unwrap_or(0)
    }
}

/// Bounds the work of a start; a cycle of more picks is as good as random after these.
const MOST_SKIPPED: u64 = 256;
