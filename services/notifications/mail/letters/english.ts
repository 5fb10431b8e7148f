import type { Messages } from "./messages.ts";

export const english: Messages = {
  locale: "en-GB",
  hello: (name) => (name === null ? "Hello," : `Hello ${name},`),
  letters: {
    "booking.confirmed": {
      subject: (title) => `Your tickets for ${title}`,
      heading: "You are going to the cinema",
      paragraphs: [
        "Your booking is confirmed. Your tickets are attached, a page for each seat.",
        "Show the code on each ticket at the door, on paper or on your phone. It lets in one person, once.",
      ],
    },
    "booking.cancelled": {
      subject: (title) => `Cancelled: ${title}`,
      heading: "Your seats are cancelled",
      paragraphs: [
        "The seats below are cancelled, and their tickets are void.",
        "What you have paid for them goes back the way it came. We will write again once it is on its way.",
      ],
    },
    "booking.cancelled.unpaid": {
      subject: (title) => `Cancelled: ${title}`,
      heading: "Your booking is cancelled",
      paragraphs: [
        "Your booking is cancelled, and its seats are free for others again.",
        "You pay nothing: if your bank has set an amount aside, it is released, and a payment that still arrives goes back by itself.",
      ],
    },
    "booking.cancelled.free": {
      subject: (title) => `Cancelled: ${title}`,
      heading: "Your seats are cancelled",
      paragraphs: ["The seats below are cancelled, and no longer yours."],
    },
    "booking.refunded": {
      subject: (title) => `Refund for ${title}`,
      heading: "Your money is on its way back",
      paragraphs: [
        "We have given your money back the way it came. Depending on your bank it arrives within a few days.",
      ],
    },
    "booking.expired": {
      subject: (title) => `Not paid in time: ${title}`,
      heading: "Your booking has run out",
      paragraphs: [
        "Your booking was not paid in time, so its seats are free for others again.",
        "No money was taken. Should the money still come, the seats are yours if they are free, or it goes back.",
      ],
    },
    "booking.failed": {
      subject: (title) => `Your booking for ${title} did not come about`,
      heading: "Your booking did not come about",
      paragraphs: [
        "We are sorry: your booking could not be completed, and its seats are not yours.",
        "You pay nothing. If your bank has set an amount aside, it is released.",
      ],
    },
    "payment.failed": {
      subject: (title) => `Your payment for ${title} did not go through`,
      heading: "Your payment did not go through",
      paragraphs: [
        "Your payment was not accepted, and no money was taken.",
        "While your time to pay is running the seats are kept for you: try again, or pay another way.",
      ],
    },
  },
  facts: {
    film: "Film",
    when: "When",
    cinema: "Cinema",
    hall: "Hall",
    seats: "Seats",
    total: "Total",
    refund: "Refund",
    reason: "Reason",
    booking: "Booking",
  },
  types: { adult: "adult", child: "child", senior: "senior", student: "student" },
  reason: (words) => words,
  link: "To the cinema's page",
  closing: "This message was sent automatically; replies to it are not read.",
};
