use super::*;

/// Nobody is warming up; no table is asked for.
fn setting(balancing: Balancing, members: &[Member], random: u64) -> Setting<'_> {
    Setting {
        balancing,
        members,
        warmup: None,
        random,
        now: Duration::ZERO,
    }
}

/// A group of the hosts 0, 1, … with these weights.
fn group(balancing: Balancing, weights: &[u32], random: u64) -> Group {
    let mut group = Group::new(random);
    let members: Vec<Member> = weights.iter().map(|weight| Member::of(*weight)).collect();
    let hosts = (0..weights.len()).collect();
    group.refill(setting(balancing, &members, random), hosts);
    group
}

/// `count` picks with nothing in flight and a fixed sequence of random numbers.
fn picks(group: &mut Group, count: usize) -> Vec<usize> {
    let mut random = random();
    (0..count)
        .filter_map(|_| pick(group, |_| 0, &mut random))
        .collect()
}

/// A pick with these requests in flight and random numbers, and without a hash.
fn pick(
    group: &mut Group,
    active: impl Fn(usize) -> u32,
    random: impl FnMut() -> u64,
) -> Option<usize> {
    let mut chances = Chances {
        active,
        random,
        hash: None,
        attempt: 0,
        left: Vec::new(),
        now: Duration::ZERO,
    };
    group.pick(&mut chances, setting(Balancing::Random, &[], 0))
}

/// A small generator of well-spread numbers.
fn random() -> impl FnMut() -> u64 {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

fn count(picks: &[usize], host: usize) -> usize {
    picks.iter().filter(|picked| **picked == host).count()
}

const ALL: [Balancing; 3] = [
    Balancing::LeastRequest,
    Balancing::RoundRobin,
    Balancing::Random,
];

#[test]
fn an_empty_cluster_has_no_host_and_one_host_takes_everything() {
    for balancing in ALL {
        assert_eq!(pick(&mut group(balancing, &[], 1), |_| 0, || 0), None);
        assert_eq!(picks(&mut group(balancing, &[3], 1), 4), [0; 4]);
    }
}

#[test]
fn round_robin_is_a_strict_cycle_from_any_start() {
    assert_eq!(
        picks(&mut group(Balancing::RoundRobin, &[1, 1], 0), 6),
        [0, 1, 0, 1, 0, 1]
    );
    assert_eq!(
        picks(&mut group(Balancing::RoundRobin, &[2, 2, 2], 4), 6),
        [1, 2, 0, 1, 2, 0]
    );
}

#[test]
fn round_robin_honours_weights_exactly_in_every_round() {
    // Two pods of weight 1 and a gateway of weight 2: `b a 2 2` or a rotation of it.
    for start in 0..4 {
        let picked = picks(&mut group(Balancing::RoundRobin, &[1, 1, 2], start), 400);
        for round in picked.chunks(4) {
            assert_eq!(
                [count(round, 0), count(round, 1), count(round, 2)],
                [1, 1, 2],
                "{round:?}"
            );
        }
    }
    let picked = picks(&mut group(Balancing::RoundRobin, &[1, 3], 0), 800);
    assert_eq!([count(&picked, 0), count(&picked, 1)], [200, 600]);
}

#[test]
fn least_request_takes_the_less_busy_of_two_and_the_first_of_equals() {
    let mut group = group(Balancing::LeastRequest, &[1, 1, 1], 0);
    let rows = [
        ((0, 1), [0, 0, 0], 0),
        ((0, 1), [2, 1, 0], 1),
        ((1, 0), [2, 1, 0], 1),
        ((2, 2), [0, 0, 9], 2),
    ];
    for ((first, second), active, expected) in rows {
        let mut draws = [first, second].into_iter();
        let picked = pick(&mut group, |host| active[host], || draws.next().unwrap());
        assert_eq!(picked, Some(expected), "{first} {second} {active:?}");
    }
}

#[test]
fn least_request_with_weights_follows_them_when_idle_and_shuns_the_busy() {
    let picked = picks(&mut group(Balancing::LeastRequest, &[1, 3], 0), 800);
    assert_eq!([count(&picked, 0), count(&picked, 1)], [200, 600]);
    let mut group = group(Balancing::LeastRequest, &[1, 3], 0);
    let busy = |host| if host == 1 { 11 } else { 0 };
    let picked: Vec<_> = (0..500)
        .filter_map(|_| pick(&mut group, busy, || 0))
        .collect();
    // 1 against 3/12: four to one.
    assert_eq!([count(&picked, 0), count(&picked, 1)], [400, 100]);
}

#[test]
fn random_is_even_whatever_the_weights() {
    let mut group = group(Balancing::Random, &[1, 9], 0);
    let mut draws = 0..2000;
    let picked: Vec<_> = (0..2000)
        .filter_map(|_| pick(&mut group, |_| 0, || draws.next().unwrap()))
        .collect();
    assert_eq!([count(&picked, 0), count(&picked, 1)], [1000, 1000]);
}
