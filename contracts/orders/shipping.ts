import { type Static, Type } from "@sinclair/typebox";
import type { ShippingAddress } from "./parts.ts";

/** The European Economic Area and Switzerland, and where most of the rest of the world's parcels go. */
const COUNTRIES_SERVED =
  "AT,BE,BG,CH,CY,CZ,DE,DK,EE,ES,FI,FR,GR,HR,HU,IE,IS,IT,LI,LT,LU,LV,MT,NL,NO,PL,PT,RO,SE,SI,SK,AU,CA,GB,JP,KR,NZ,SG,US";

/** What gateways refuse at the door and what the shipping step refuses: give both the same. */
export const ShippingEnvironment = {
  SHIPPING_COUNTRIES: Type.String({
    default: COUNTRIES_SERVED,
    pattern: "^[A-Z]{2}(,[A-Z]{2})*$",
    form: "two capital letters each, with commas and no spaces, like DE,AT,CH",
    description:
      "Countries that orders are shipped to, ISO 3166-1 alpha-2, comma-separated; orders to others are refused with 422",
  }),
};

/** Only consumers read it: their shipping step simulates the carrier. */
export const CarrierEnvironment = {
  SHIPPING_SIMULATE_REFUSAL: Type.Boolean({
    default: false,
    description:
      "The built-in carrier refuses `postalCode` `REFUSE`, so that SHIPPING fails after payment; `./dev up` sets it",
  }),
};

/** The postal code that the simulated carrier refuses. */
export const REFUSED_POSTAL_CODE = "REFUSE";

const environment = Type.Object(ShippingEnvironment);

export const countriesServed = (env: Static<typeof environment>): ReadonlySet<string> =>
  new Set(env.SHIPPING_COUNTRIES.split(","));

/** The shipping configuration. */
export interface ShippingTerms {
  readonly countries: ReadonlySet<string>;
  /** SHIPPING_SIMULATE_REFUSAL. */
  readonly simulateRefusal: boolean;
}

/** Whether the carrier accepts a parcel to this address. */
export const isDelivered = ({ countries, simulateRefusal }: ShippingTerms, address: ShippingAddress): boolean =>
  countries.has(address.country) && !(simulateRefusal && address.postalCode === REFUSED_POSTAL_CODE);
