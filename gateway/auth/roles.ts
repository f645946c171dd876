/**
 * What an operator may do. `viewer` reads; `seller` also manages sales and products; `treasurer` also grants points and revokes
 * claims; `admin` may do everything. A seller is no treasurer, and a treasurer is no seller.
 */
export type OperatorRole = "viewer" | "seller" | "treasurer" | "admin";

export const ROLES: readonly OperatorRole[] = ["viewer", "seller", "treasurer", "admin"];

/** Each role with the roles whose rights it includes. */
const INCLUDES: Readonly<Record<OperatorRole, readonly OperatorRole[]>> = {
  viewer: ["viewer"],
  seller: ["viewer", "seller"],
  treasurer: ["viewer", "treasurer"],
  admin: ROLES,
};

const NONE: readonly OperatorRole[] = Object.freeze([]);
const ADMIN: readonly OperatorRole[] = Object.freeze(["admin"] as const);

/** The part of an identity that decides about rights. */
export interface HasRoles {
  /** Empty for customers. */
  readonly roles: readonly OperatorRole[];
}

/** Whether the caller has the role, or a role that includes it. */
export const mayAct = ({ roles }: HasRoles, role: OperatorRole): boolean =>
  roles.some((held) => INCLUDES[held].includes(role));

/** Whether the caller is an operator at all. */
export const isOperator = ({ roles }: HasRoles): boolean => roles.length > 0;

/**
 * The roles of the claim `operator_role`: one name, or a list of names. A name that is not a role gives nothing, so a token
 * with a misspelled role has fewer rights, never more.
 */
function named(claim: unknown): readonly OperatorRole[] {
  const names = Array.isArray(claim) ? claim : [claim];
  return names.length > 16 ? NONE : ROLES.filter((role) => names.includes(role));
}

/**
 * The roles of a verified token. Where no keys of operators are configured, `role: "operator"` makes an operator, and
 * `operator_role` narrows what they may do; without it they are `admin`.
 */
export function rolesOfSharedToken(role: unknown, operatorRole: unknown): readonly OperatorRole[] {
  if (role !== "operator") return NONE;
  return operatorRole === undefined ? ADMIN : named(operatorRole);
}

/** The roles of a verified token that an operators' key signed: those that `operator_role` names, none by default. */
export const rolesOfOperatorToken = (operatorRole: unknown): readonly OperatorRole[] => named(operatorRole);
