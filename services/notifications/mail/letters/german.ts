import type { Messages } from "./messages.ts";

const REASONS: ReadonlyMap<string, string> = new Map([
  // Bookings'.
  ["The payment was declined.", "Die Zahlung wurde abgelehnt."],
  ["It was not paid in time.", "Es wurde nicht rechtzeitig bezahlt."],
  ["The payment came too late; the money goes back.", "Die Zahlung kam zu spät; das Geld geht zurück."],
  [
    "The payment came when the seats were gone; the money goes back.",
    "Als die Zahlung kam, waren die Plätze vergeben; das Geld geht zurück.",
  ],
  [
    "The payment was not of the right amount; the money goes back.",
    "Die Zahlung hatte nicht den richtigen Betrag; das Geld geht zurück.",
  ],
  [
    "The payment could not be completed; nothing was taken.",
    "Die Zahlung konnte nicht abgeschlossen werden; es wurde nichts abgebucht.",
  ],
  [
    "The payment could not be completed; what was taken goes back.",
    "Die Zahlung konnte nicht abgeschlossen werden; was abgebucht wurde, geht zurück.",
  ],
  ["Cancelled at your wish.", "Auf Ihren Wunsch storniert."],
  ["Cancelled by the cinema.", "Vom Kino storniert."],
  ["The showtime was cancelled.", "Die Vorstellung fällt aus."],
  ["The account was deleted.", "Das Konto wurde gelöscht."],
  [
    "The hold was changed while it was being booked.",
    "Die Auswahl der Plätze hat sich geändert, während sie gebucht wurden.",
  ],
  // Payments'.
  [
    "The gateway's record is not of this payment's amount.",
    "Der Betrag, den der Zahlungsdienst nennt, ist nicht der dieser Zahlung.",
  ],
  ["The gateway has called the payment off.", "Der Zahlungsdienst hat die Zahlung abgebrochen."],
  ["The gateway has given the reservation back.", "Der Zahlungsdienst hat den vorgemerkten Betrag freigegeben."],
  ["The card was declined.", "Die Karte wurde abgelehnt."],
  ["The card is not known.", "Die Karte ist nicht bekannt."],
  // Stripe's most frequent ones: https://docs.stripe.com/testing#declined-payments.
  ["Your card was declined.", "Ihre Karte wurde abgelehnt."],
  ["Your card has insufficient funds.", "Ihre Karte ist nicht ausreichend gedeckt."],
  ["Your card has expired.", "Ihre Karte ist abgelaufen."],
  ["Your card's security code is incorrect.", "Die Prüfnummer Ihrer Karte ist falsch."],
  ["Your card number is incorrect.", "Die Nummer Ihrer Karte ist falsch."],
]);

export const german: Messages = {
  locale: "de-DE",
  hello: (name) => (name === null ? "Guten Tag," : `Guten Tag ${name},`),
  letters: {
    "booking.confirmed": {
      subject: (title) => `Ihre Karten für ${title}`,
      heading: "Sie gehen ins Kino",
      paragraphs: [
        "Ihre Buchung ist bestätigt. Ihre Karten liegen bei, eine Seite für jeden Platz.",
        "Zeigen Sie den Code jeder Karte am Einlass, auf Papier oder auf dem Telefon. Er gilt für eine Person und einmal.",
      ],
    },
    "booking.cancelled": {
      subject: (title) => `Storniert: ${title}`,
      heading: "Ihre Plätze sind storniert",
      paragraphs: [
        "die unten genannten Plätze sind storniert, ihre Karten sind ungültig.",
        "Was Sie dafür bezahlt haben, geht auf demselben Weg zurück. Wir schreiben Ihnen, sobald es unterwegs ist.",
      ],
    },
    "booking.cancelled.unpaid": {
      subject: (title) => `Storniert: ${title}`,
      heading: "Ihre Buchung ist storniert",
      paragraphs: [
        "Ihre Buchung ist storniert, ihre Plätze sind wieder frei.",
        "Sie zahlen nichts: Hat Ihre Bank einen Betrag vorgemerkt, wird er freigegeben, und eine Zahlung, die noch eintrifft, geht von selbst zurück.",
      ],
    },
    "booking.cancelled.free": {
      subject: (title) => `Storniert: ${title}`,
      heading: "Ihre Plätze sind storniert",
      paragraphs: ["die unten genannten Plätze sind storniert und gehören Ihnen nicht mehr."],
    },
    "booking.refunded": {
      subject: (title) => `Erstattung für ${title}`,
      heading: "Ihr Geld ist auf dem Rückweg",
      paragraphs: ["wir haben Ihr Geld auf demselben Weg zurückgegeben. Je nach Bank kommt es in einigen Tagen an."],
    },
    "booking.expired": {
      subject: (title) => `Nicht rechtzeitig bezahlt: ${title}`,
      heading: "Ihre Buchung ist abgelaufen",
      paragraphs: [
        "Ihre Buchung wurde nicht rechtzeitig bezahlt, ihre Plätze sind wieder frei.",
        "Es wurde kein Geld abgebucht. Sollte das Geld noch eintreffen, gehören die Plätze Ihnen, wenn sie frei sind, oder es geht zurück.",
      ],
    },
    "booking.failed": {
      subject: (title) => `Ihre Buchung für ${title} kam nicht zustande`,
      heading: "Ihre Buchung kam nicht zustande",
      paragraphs: [
        "es tut uns leid: Ihre Buchung konnte nicht abgeschlossen werden, die Plätze gehören Ihnen nicht.",
        "Sie zahlen nichts. Hat Ihre Bank einen Betrag vorgemerkt, wird er freigegeben.",
      ],
    },
    "payment.failed": {
      subject: (title) => `Ihre Zahlung für ${title} ist fehlgeschlagen`,
      heading: "Ihre Zahlung ist fehlgeschlagen",
      paragraphs: [
        "Ihre Zahlung wurde nicht angenommen, es wurde kein Geld abgebucht.",
        "Solange Ihre Zeit zum Bezahlen läuft, bleiben die Plätze für Sie reserviert: Versuchen Sie es noch einmal oder zahlen Sie anders.",
      ],
    },
  },
  facts: {
    film: "Film",
    when: "Wann",
    cinema: "Kino",
    hall: "Saal",
    seats: "Plätze",
    total: "Summe",
    refund: "Erstattung",
    reason: "Grund",
    booking: "Buchung",
  },
  types: { adult: "Erwachsene", child: "Kind", senior: "Senioren", student: "Studierende" },
  reason: (english) => REASONS.get(english) ?? null,
  link: "Zur Seite des Kinos",
  closing: "Diese Nachricht wurde automatisch versandt; Antworten darauf liest niemand.",
};
