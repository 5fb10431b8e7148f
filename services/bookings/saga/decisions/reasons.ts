/** Why a booking is what it is, in words for the buyer. */
export const WHY = {
  declined: "The payment was declined.",
  unpaid: "It was not paid in time.",
  tooLate: "The payment came too late; the money goes back.",
  seatsGone: "The payment came when the seats were gone; the money goes back.",
  wrongAmount: "The payment was not of the right amount; the money goes back.",
  notCaptured: "The payment could not be completed; nothing was taken.",
  takenForNothing: "The payment could not be completed; what was taken goes back.",
  holdChanged: "The hold was changed while it was being booked.",
  cancelled: "Cancelled at your wish.",
  cancelledByCinema: "Cancelled by the cinema.",
  showtimeCancelled: "The showtime was cancelled.",
  buyerDeleted: "The account was deleted.",
} as const;
