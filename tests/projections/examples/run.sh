#!/usr/bin/env bash
# run.sh BANK ORDERS: the programs of examples/projections say what their READMEs say; a second run finds what
# the first has left, and repeats nothing.
set -euo pipefail
bank=$1 orders=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# expect NAME PROGRAM: its output is what comes in.
expect() {
  local name=$1 program=$2
  diff -u - <("$program" "$folder/$name") || { echo "$name said something else"; exit 1; }
}

mkdir -p "$folder/bank" "$folder/orders"
expect bank "$bank" <<'END'
withdrawn at version 2
now: 200 cents
withdrawn at version 2, asked again
now: 200 cents
refused: the account holds less than that
at version 1: 700 cents
END
expect bank "$bank" <<'END'
withdrawn at version 2, asked again
now: 200 cents
withdrawn at version 2, asked again
now: 200 cents
refused: the account holds less than that
at version 1: 700 cents
END
for run in first second; do
  expect orders "$orders" <<'END'
paid: confirmed
  OrderPlaced
  StockReserved
  PaymentTaken
  ReserveStock
  TakePayment
  OrderConfirmed
refused: cancelled: no cover
  OrderPlaced
  StockReserved
  PaymentRefused
  ReserveStock
  TakePayment
  ReleaseStock
  OrderCancelled
forgotten: cancelled: not paid
  OrderPlaced
  StockReserved
  ReserveStock
  TakePayment
  PaymentTimedOut
  ReleaseStock
  OrderCancelled
END
done
echo "both examples ran twice"
