//! Notes, batches, lost answers, crashes, new names, in any order: what the ledger has and what waits is what was noted.

use crate::support::{Place, claims, in_ledger, now, numbers};
use oz_license::Feature;
use oz_site::{Batch, Refused, Site, use_up, uses};
use oz_store::AnyConn;
use oz_testkit::both_databases;
use std::collections::BTreeMap;

/// The same numbers for the same seed (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }
}

/// Two nodes of one database, and copies of them elsewhere that use the same names.
#[derive(Default)]
struct World {
    /// Names that the nodes have now.
    names: [String; 2],
    named: u32,
    /// Batches that are on their way, with whose they are; an answer may be lost.
    sent: Vec<(String, Batch)>,
    noted: BTreeMap<String, i64>,
}

impl World {
    fn step(&mut self, c: &mut AnyConn, site: &Site, dice: &mut Dice) -> oz_site::Result<()> {
        let who = usize::from(dice.below(2) == 1);
        let name = self.names[who].clone();
        match dice.below(13) {
            12 => {
                uses::take_back(c, Feature::Quality, now())?;
                *self.noted.entry("quality".to_owned()).or_default() -= 1;
            }
            0..=3 => {
                let feature = [Feature::Quality, Feature::Biometry][usize::from(dice.below(2) == 1)];
                let n = i64::try_from(dice.below(5)).unwrap() - 1;
                uses::note(c, &name, feature, n, now())?;
                *self.noted.entry(feature.as_str().to_owned()).or_default() += n;
            }
            4 | 5 => self.sent.extend(uses::batch(c, &name)?.map(|batch| (name, batch))),
            // The node goes on with what it told last, or dies and forgets that it did.
            6..=8 => {
                let Some((node, batch)) = self.sent.pop() else { return Ok(()) };
                match use_up(c, site, &node, &batch, now(), true) {
                    Ok(_) if dice.below(3) > 0 => uses::settled(c, &node, batch.seq)?,
                    Ok(_) => {}
                    Err(Refused::OtherBatch) => self.rename(c, &node)?,
                    Err(other) => return Err(other),
                }
            }
            9 => self.sent.clear(),
            // The copy tells something under the same name: the next number is its own.
            10 => {
                let seq = uses::batch(c, &name)?.map_or(1, |batch| batch.seq);
                let copy = Batch {
                    seq,
                    id: format!("copy-{}-{seq}", self.named),
                    counts: BTreeMap::from([(Feature::Web, 1)]),
                };
                match use_up(c, site, &name, &copy, now(), true) {
                    Ok(_) | Err(Refused::OtherBatch) => {}
                    Err(other) => return Err(other),
                }
            }
            // A heartbeat finds the copy.
            _ => self.rename(c, &name)?,
        }
        Ok(())
    }

    fn rename(&mut self, c: &mut AnyConn, from: &str) -> oz_site::Result<()> {
        let Some(who) = self.names.iter().position(|name| name == from) else {
            // What is told for a node that is gone: under the teller's own name then.
            return uses::rename(c, from, &self.names[0]);
        };
        self.named += 1;
        self.names[who] = format!("n-{}", self.named);
        uses::rename(c, from, &self.names[who])
    }
}

/// Tells what waits. Whether there was any.
fn settle(c: &mut AnyConn, site: &Site, names: &[String]) -> oz_site::Result<bool> {
    let mut any = false;
    for node in uses::to_tell(c, &names[0], now())? {
        let mut name = node;
        while let Some(batch) = uses::batch(c, &name)? {
            any = true;
            match use_up(c, site, &name, &batch, now(), true) {
                Ok(_) => uses::settled(c, &name, batch.seq)?,
                Err(Refused::OtherBatch) => {
                    let to = format!("{name}-x");
                    uses::rename(c, &name, &to)?;
                    name = to;
                }
                Err(other) => return Err(other),
            }
        }
    }
    Ok(any)
}

both_databases! {
    async fn nothing_is_lost_and_nothing_is_told_twice(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        for seed in 1..=25 {
            place.undone(move |c, site| {
                let mut dice = Dice(seed);
                let mut world = World { names: ["a".to_owned(), "b".to_owned()], ..World::default() };
                for _ in 0..150 {
                    world.step(c, site, &mut dice)?;
                }
                // What one could not tell because of a taking-back, it can when that is netted against another's.
                while settle(c, site, &world.names)? {}
                let mut counted = in_ledger(c)?;
                counted.remove("web");
                let waiting = uses::pending(c)?;
                assert_eq!(counted.values().sum::<i64>() + waiting, world.noted.values().sum::<i64>(), "seed {seed}");
                // A node waits only as long as it has used no more than was taken back and waits, too.
                let taken_back = numbers(c, "SELECT COUNT(*) FROM license_uses WHERE instance_id = ''")?[0];
                let most = numbers(c, "SELECT CAST(SUM(n) AS BIGINT) FROM license_uses WHERE instance_id <> '' GROUP BY instance_id, feature")?;
                assert!(most.iter().all(|n| *n <= taken_back), "seed {seed}: {most:?} were not told; {taken_back}");
                Ok(())
            }).await;
        }
    }
}
