// Bugs planted on purpose, to prove that the tests bite: each breaks one rule the log stands on,
// and tests/crash/planted_bugs_test.cpp shows that a test notices. In the product planted() is
// constant false and costs nothing; only the library that this test is linked with is built with
// STELE_PLANTED and picks one at run time.
#pragma once

#include <cstdint>

namespace stele {

enum class Plant : std::uint8_t {
  kNone,
  kAckBeforeFlush,     ///< the journal answers before its write is durable
  kSkipFolderSync,     ///< a checkpoint forgets the folders of new files
  kRetryFlush,         ///< a failed flush is tried again and believed
  kNoChecksumOnRead,   ///< batches are served unchecked
  kCutAtDamage,        ///< recovery takes damage in the middle of the journal for its end
  kForgetProducers,    ///< a checkpoint holds no producer state
  kShowBeforeDurable,  ///< the watermark moves when a group is sequenced
  kTrustOlderLap,      ///< recovery takes an entry of an earlier lap for the next one
  kShowUnconfirmed,    ///< recovery serves what may stand in a cache alone
  kSwapBeforeSync,     ///< a compacted segment is swapped in before it is durable
  kDropTombstones,     ///< compaction removes tombstones when it first meets them
  kGiveHeldPartition,  ///< a consumer is given a partition that another has not given up
  kTakeSilenceForYes,  ///< a consumer that does not say what it holds is taken to hold nothing
  kForgetRevoking,     ///< a restart forgets what a consumer was giving up
  kSkipExpectations,   ///< expected versions are not checked
  kForgetRemoved,      ///< what a rewrite leaves out is not written down first
  kReleaseTooEarly,    ///< a checkpoint gives up the journal before its superblock is written
};

#ifdef STELE_PLANTED
[[nodiscard]] bool planted(Plant bug);
#else
[[nodiscard]] constexpr bool planted(Plant /*bug*/) {
  return false;
}
#endif

}  // namespace stele
