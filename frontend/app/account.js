// Signing in and up, and a forgotten password.
import { h } from "./dom.js";
import { formOf, submit } from "./forms.js";
import { begin } from "./session.js";
import { texts } from "./texts.js";

const EMAIL = () => ({ name: "email", label: texts.email, type: "email", autocomplete: "username" });

const card = (title, form, ...links) =>
  h("section", { class: "card" }, h("h1", {}, title), form, h("p", { class: "links" }, links));

export function signIn(enter) {
  const fields = [
    EMAIL(),
    { name: "password", label: texts.password, type: "password", autocomplete: "current-password" },
  ];
  const form = formOf(fields, texts.signIn, async (values) => {
    begin(await submit("/authenticate", values), values.email);
    await enter();
  });
  return card(
    texts.signIn,
    form,
    h("a", { href: "#/forgot" }, texts.forgot),
    h("span", {}, `${texts.signUpFirst} `, h("a", { href: "#/sign-up" }, texts.signUp)),
  );
}

export function signUp(enter) {
  const secret = { type: "password", autocomplete: "new-password" };
  const fields = [
    EMAIL(),
    { name: "password", label: texts.newPassword, ...secret },
    { name: "password_confirmation", label: texts.again, ...secret },
  ];
  const form = formOf(fields, texts.signUp, async (values) => {
    begin(await submit("/users", values), values.email);
    await enter();
  });
  const link = h("a", { href: "#/sign-in" }, texts.signIn);
  return card(texts.signUp, form, h("span", {}, `${texts.haveAccount} `, link));
}

export function forgot() {
  const form = formOf([EMAIL()], texts.sendLink, async ({ email }) => {
    const { detail } = await submit("/password/reset", { email });
    const told = h("p", { role: "status", tabindex: "-1" }, detail);
    form.replaceWith(told);
    told.focus();
  });
  return card(texts.forgot, form, h("a", { href: "#/sign-in" }, texts.back));
}
